//! The file system as a store sees it, so that tests can put another one in its place.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FlockOperation, OFlags, flock, inotify};
use rustix::io::Errno;

/// The largest file that is read, in bytes. Catalogs have kilobytes.
const MAX_FILE: u64 = 16 << 20;

/// How long to wait for the lock, at most, before looking again without having been told to.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The steps that a change of a catalog is made of.
pub trait Storage: Send + Sync {
    /// The bytes of a file; none when it does not exist.
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>>;

    /// Makes a directory and those above it, as far as they are missing.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Takes the lock that a file stands for, waiting at most this long. `WouldBlock` when another
    /// has it all that time. Dropping gives it back; so does the end of the process.
    fn lock(&self, path: &Path, patience: Duration) -> io::Result<Box<dyn Lock>>;

    /// Makes an empty file, in place of one of that name. `shared`: everybody may read it, whatever the umask.
    fn create(&self, path: &Path, shared: bool) -> io::Result<Box<dyn NewFile>>;

    /// Gives a file another name, in place of one of that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes the names in a directory survive a power cut.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Removes a file, if it is there.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// A lock that is held.
pub trait Lock {}

/// A file being written.
pub trait NewFile {
    /// Writes some bytes at the end; how many.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Makes what was written survive a power cut.
    fn sync(&mut self) -> io::Result<()>;
}

/// The file system of the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Storage for Disk {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        // Not blocking, lest a pipe in the file's place hold the reader up.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = match OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path) {
            Ok(file) => file,
            Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(why) => return Err(why),
        };
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(Some(bytes))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let existing = path.ancestors().find(|dir| dir.is_dir());
        std::fs::DirBuilder::new().recursive(true).mode(0o755).create(path)?;
        let new = path.ancestors().take_while(|dir| Some(*dir) != existing);
        for parent in new.filter_map(Path::parent) {
            // A directory above that cannot be opened for reading cannot be made durable from here.
            let _ = self.sync_dir(parent);
        }
        Ok(())
    }

    fn lock(&self, path: &Path, patience: Duration) -> io::Result<Box<dyn Lock>> {
        let until = Instant::now() + patience;
        // For the owner alone: whoever can open the file could hold the lock for ever.
        let flags = OFlags::NOFOLLOW | OFlags::NOCTTY;
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(flags.bits() as i32)
            .open(path)?;
        let mut closed = None;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Box::new(HeldLock { _file: file })),
                Err(Errno::WOULDBLOCK) => {}
                Err(Errno::INTR) => continue,
                Err(why) => return Err(why.into()),
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            match &closed {
                // The holder may have gone before the watch began: try once more before waiting.
                None => closed = Some(CloseWatch::new(path)),
                Some(watch) => watch.wait(left.min(LOOK_AGAIN))?,
            }
        }
    }

    fn create(&self, path: &Path, shared: bool) -> io::Result<Box<dyn NewFile>> {
        self.remove(path)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)?;
        if shared {
            file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
        }
        Ok(Box::new(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        match File::open(path)?.sync_all() {
            // Some file systems have nothing to do for a directory, and say so.
            Err(why) if why.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => Ok(()),
            result => result,
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match std::fs::remove_file(path) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
}

impl NewFile for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

/// The lock lasts as long as the open file.
struct HeldLock {
    _file: File,
}

impl Lock for HeldLock {}

/// Tells when somebody closes a lock file, which is when its lock comes free.
///
/// Without inotify (its instances are few, and network file systems have none) waiting is for a while only.
struct CloseWatch(Option<std::os::fd::OwnedFd>);

impl CloseWatch {
    fn new(path: &Path) -> Self {
        let watch = || -> rustix::io::Result<_> {
            let fd = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
            inotify::add_watch(&fd, path, inotify::WatchFlags::CLOSE_WRITE)?;
            Ok(fd)
        };
        Self(watch().ok())
    }

    fn wait(&self, at_most: Duration) -> io::Result<()> {
        let timeout = at_most.try_into().expect("a short time is valid");
        let mut fds: Vec<_> = self.0.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(why) => return Err(why.into()),
        }
        if let Some(fd) = &self.0 {
            let mut buffer = [0; 4096];
            while rustix::io::read(fd, &mut buffer).is_ok_and(|len| len > 0) {}
        }
        Ok(())
    }
}
