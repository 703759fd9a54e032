//! Where hosts are found: a folder of the user's, with a socket for each provider that is advertised.
//!
//! `WINDLASS_RUNTIME_DIR` names it; otherwise it is `windlass` in `XDG_RUNTIME_DIR`, `/run/windlass` for root, and for anybody
//! else a folder of their own among the temporary files. It is its owner's alone, and one that is not is not used. Beside each
//! socket is a lock file: who holds its lock advertises the provider, so that what a killed host leaves behind stops nobody.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::process::geteuid;
use windlass_abi::GUID;

/// The place of one provider's host, as long as this process is it.
pub struct Claim {
    socket: PathBuf,
    /// Its lock goes with the process.
    _lock: File,
}

/// Makes this process the host of a provider.
///
/// # Errors
/// `AlreadyExists`: another process is. `PermissionDenied`: the folder is not this user's alone. Others of the file system.
pub fn claim(provider: GUID) -> io::Result<(Claim, UnixListener)> {
    let folder = folder();
    DirBuilder::new().mode(0o700).recursive(true).create(&folder)?;
    check(&folder)?;
    let lock = folder.join(format!("{provider}.lock"));
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(lock)?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| io::ErrorKind::AlreadyExists)?;
    let socket = folder.join(provider.to_string());
    // Nobody holds the lock, so nobody listens there.
    match fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&socket)?;
    Ok((Claim { socket, _lock: lock }, listener))
}

/// Connects to the host of a provider.
///
/// # Errors
/// `NotFound` or `ConnectionRefused`: there is none. `PermissionDenied`: the folder is not this user's alone.
pub fn connect(provider: GUID) -> io::Result<UnixStream> {
    let folder = folder();
    check(&folder)?;
    UnixStream::connect(folder.join(provider.to_string()))
}

impl Drop for Claim {
    fn drop(&mut self) {
        // The lock is still held: nobody else's socket is there.
        let _ = fs::remove_file(&self.socket);
    }
}

/// A folder that another could write to could lead to another's host.
fn check(folder: &Path) -> io::Result<()> {
    let data = fs::symlink_metadata(folder)?;
    let own = data.is_dir() && data.uid() == geteuid().as_raw() && data.mode() & 0o077 == 0;
    if own { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

fn folder() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = variable("WINDLASS_RUNTIME_DIR") {
        return folder;
    }
    match variable("XDG_RUNTIME_DIR") {
        Some(folder) => folder.join("windlass"),
        None if geteuid().is_root() => PathBuf::from("/run/windlass"),
        None => std::env::temp_dir().join(format!("windlass-{}", geteuid().as_raw())),
    }
}
