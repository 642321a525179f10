//! The file operations of the journal as traits, so that tests can make each of them fail.

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
    /// Creates an empty file. Its name is durable after [`Disk::sync`].
    ///
    /// # Errors
    /// `AlreadyExists`, or another one of the file system.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file for reading and writing.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Gives a file another name, in place of a file that has it. Durable after [`Disk::sync`];
    /// until then a loss of power leaves either the one or the other.
    fn rename(&self, name: &str, to: &str) -> io::Result<()>;
    /// Removes a file. Durable after [`Disk::sync`]. Who has it open goes on reading it.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes the names of all files created, renamed and removed so far durable.
    fn sync(&self) -> io::Result<()>;
    /// The path of the folder, for messages.
    fn place(&self) -> String;
}

/// One file. Implementations provide single calls of the operating system, which may be interrupted
/// or partial; the loops over them are provided methods.
pub trait DiskFile: Send + Sync {
    /// The size in bytes.
    fn size(&self) -> io::Result<u64>;
    /// Reads once from `position` on; returns 0 at the end of the file, else at least 1.
    fn read(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;
    /// Writes once from `position` on; returns the length of the written prefix of `bytes`. The
    /// file grows as needed.
    fn write(&self, bytes: &[u8], position: u64) -> io::Result<usize>;
    /// Makes everything written so far durable.
    fn sync(&self) -> io::Result<()>;
    /// Cuts the file to `len` bytes.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// Fills `buffer` from `position` on; returns fewer bytes only at the end of the file.
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

    /// Writes all of `bytes` from `position` on. After an error any part of them may be written.
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

/// Opens a file, and creates it where it is missing.
pub(crate) fn open_or_create(disk: &dyn Disk, name: &str) -> io::Result<Box<dyn DiskFile>> {
    match disk.create(name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => disk.open(name),
        other => other,
    }
}

/// A folder of the file system.
#[derive(Debug)]
pub struct RealDisk {
    folder: PathBuf,
}

impl RealDisk {
    /// Opens a folder, and creates it where it is missing.
    ///
    /// # Errors
    /// The file system's, with the path.
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        create_private_folder(&folder)?;
        Ok(Self { folder })
    }
}

/// Creates a folder for its owner only, with missing parents, and makes it durable. An existing
/// folder is restricted to its owner.
///
/// # Errors
/// The file system's, with the path.
pub fn create_private_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    std::fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder).map_err(
        |error| {
            io::Error::new(error.kind(), format!("cannot create {}: {error}", folder.display()))
        },
    )?;
    // A folder is lost with the power unless its entry in the one above is synced.
    for above in missing
        .iter()
        .filter_map(|folder| folder.parent())
        .filter(|above| !above.as_os_str().is_empty())
    {
        fs::File::open(above)?.sync_all()?;
    }
    close_to_others(folder, FOLDER_MODE)
}

/// Removes the permissions of group and others. Only the owner can do this; a file or folder of
/// another owner stays as it is.
///
/// # Errors
/// The file system's, with the path.
fn close_to_others(path: &Path, mode: u32) -> io::Result<()> {
    if fs::metadata(path)?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    match fs::set_permissions(path, Permissions::from_mode(mode)) {
        // Some file systems have no permissions at all.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        other => other,
    }
}

/// Opens a file for reading and writing, for its owner only; creates it where it is missing.
///
/// # Errors
/// The file system's, with the path.
pub fn open_private_file(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    let file =
        options.create(true).truncate(false).read(true).write(true).mode(FILE_MODE).open(path)?;
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
        let file = options
            .create_new(true)
            .read(true)
            .write(true)
            .mode(FILE_MODE)
            .open(self.folder.join(name))?;
        Ok(Box::new(file))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let path = self.folder.join(name);
        let file = fs::OpenOptions::new().read(true).write(true).open(&path)?;
        close_to_others(&path, FILE_MODE)?;
        Ok(Box::new(file))
    }

    fn rename(&self, name: &str, to: &str) -> io::Result<()> {
        fs::rename(self.folder.join(name), self.folder.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.folder.join(name))
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
