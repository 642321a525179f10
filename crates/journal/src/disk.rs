//! The few file operations that the journal needs, as a trait, so that tests can make them fail.

use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use fs_err as fs;

/// One folder of files.
pub trait Disk: Send + Sync {
    /// The names of the files in the folder, in no order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Makes an empty file that outlives a crash of the machine.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file to read and to append.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// The folder, for messages.
    fn place(&self) -> String;
}

/// One file that grows at its end.
pub trait DiskFile: Send + Sync {
    /// The size in bytes.
    fn size(&self) -> io::Result<u64>;
    /// Fills `buffer` from `position` on; fewer bytes come back only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;
    /// Writes all of `bytes` at the end.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
    /// Returns when everything appended outlives a crash of the machine.
    fn sync(&self) -> io::Result<()>;
    /// Cuts the file to `len` bytes.
    fn truncate(&self, len: u64) -> io::Result<()>;
}

/// A folder of the file system.
#[derive(Debug)]
pub struct RealDisk {
    folder: PathBuf,
}

impl RealDisk {
    /// Opens a folder, making it where it is missing.
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        let missing: Vec<PathBuf> =
            folder.ancestors().take_while(|folder| !folder.exists()).map(PathBuf::from).collect();
        fs::create_dir_all(&folder)?;
        // A folder is lost with the power unless its entry in the one above is synced.
        for above in
            missing.iter().filter_map(|folder| folder.parent()).filter(|above| !above.as_os_str().is_empty())
        {
            fs::File::open(above)?.sync_all()?;
        }
        Ok(Self { folder })
    }

    fn sync_folder(&self) -> io::Result<()> {
        fs::File::open(&self.folder)?.sync_all()
    }
}

impl Disk for RealDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        fs::read_dir(&self.folder)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let file =
            fs::OpenOptions::new().create_new(true).read(true).append(true).open(self.folder.join(name))?;
        self.sync_folder()?;
        Ok(Box::new(file))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = fs::OpenOptions::new().read(true).append(true).open(self.folder.join(name))?;
        Ok(Box::new(file))
    }

    fn place(&self) -> String {
        self.folder.display().to_string()
    }
}

impl DiskFile for fs::File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file().read_at(&mut buffer[filled..], position + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.file().write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.file().sync_data()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file().set_len(len)?;
        self.file().seek(SeekFrom::End(0))?;
        Ok(())
    }
}
