//! The few file operations that the journal needs, as traits, so that tests can make each of them fail.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt;

/// Permissions of files: their owner only.
const FILE_MODE: u32 = 0o600;
/// Permissions of folders: their owner only.
const FOLDER_MODE: u32 = 0o700;

/// One folder of files.
pub trait Disk: Send + Sync {
    /// The names of the files in the folder, in no order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Makes an empty file. [`Disk::sync`] makes its name outlive a crash of the machine.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file to read and to write.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Returns when the names of all files made so far outlive a crash of the machine.
    fn sync(&self) -> io::Result<()>;
    /// The folder, for messages.
    fn place(&self) -> String;
}

/// One file. An implementation gives the single calls of the operating system, which may be interrupted or do
/// a part only; the loops over them are provided.
pub trait DiskFile: Send + Sync {
    /// The size in bytes.
    fn size(&self) -> io::Result<u64>;
    /// Reads once from `position` on: 0 bytes at the end of the file, else at least one.
    fn read(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;
    /// Writes once from `position` on: some first part of `bytes`, the file growing as needed.
    fn write(&self, bytes: &[u8], position: u64) -> io::Result<usize>;
    /// Returns when everything written outlives a crash of the machine.
    fn sync(&self) -> io::Result<()>;
    /// Cuts the file to `len` bytes.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// Fills `buffer` from `position` on; fewer bytes come back only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..], position + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    /// Writes all of `bytes` from `position` on. After an error any part of them may be there.
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        let mut written = 0;
        while written < bytes.len() {
            match self.write(&bytes[written..], position + written as u64) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => written += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A folder of the file system.
#[derive(Debug)]
pub struct RealDisk {
    folder: PathBuf,
}

impl RealDisk {
    /// Opens a folder, making it where it is missing.
    ///
    /// # Errors
    /// The file system's, with the path.
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        create_private_folder(&folder)?;
        Ok(Self { folder })
    }
}

/// Makes a folder that only its owner can use, with those above it, so that a crash of the machine does not
/// lose it. One that is there is closed to others.
///
/// # Errors
/// The file system's, with the path.
pub fn create_private_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    std::fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot make {}: {error}", folder.display()))
    })?;
    // A folder is lost with the power unless its entry in the one above is synced.
    for above in
        missing.iter().filter_map(|folder| folder.parent()).filter(|above| !above.as_os_str().is_empty())
    {
        fs::File::open(above)?.sync_all()?;
    }
    close_to_others(folder, FOLDER_MODE)
}

/// Takes away what others than the owner may do with a file or folder. Only its owner can, so that one of
/// somebody else stays as it is.
///
/// # Errors
/// The file system's, with the path.
fn close_to_others(path: &Path, mode: u32) -> io::Result<()> {
    if fs::metadata(path)?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    match fs::set_permissions(path, Permissions::from_mode(mode)) {
        // Nor can anybody on a file system that has no permissions.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported) =>
        {
            Ok(())
        }
        other => other,
    }
}

/// Opens a file to read and write, which only its owner can use; makes it where it is missing.
///
/// # Errors
/// The file system's, with the path.
pub fn open_private_file(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    let file = options.create(true).truncate(false).read(true).write(true).mode(FILE_MODE).open(path)?;
    close_to_others(path, FILE_MODE)?;
    Ok(file)
}

impl Disk for RealDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        fs::read_dir(&self.folder)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut options = fs::OpenOptions::new();
        let file =
            options.create_new(true).read(true).write(true).mode(FILE_MODE).open(self.folder.join(name))?;
        Ok(Box::new(file))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let path = self.folder.join(name);
        let file = fs::OpenOptions::new().read(true).write(true).open(&path)?;
        close_to_others(&path, FILE_MODE)?;
        Ok(Box::new(file))
    }

    fn sync(&self) -> io::Result<()> {
        fs::File::open(&self.folder)?.sync_all()
    }

    fn place(&self) -> String {
        self.folder.display().to_string()
    }
}

impl DiskFile for fs::File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.file().read_at(buffer, position)
    }

    fn write(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        self.file().write_at(bytes, position)
    }

    fn sync(&self) -> io::Result<()> {
        self.file().sync_data()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file().set_len(len)
    }
}
