//! Being told of changes to the catalogs (contract: catalog, section 7).

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

use crate::file::Catalog;
use crate::namespace::NamespaceCatalog;
use crate::protocol::ProtocolCatalog;
use crate::store::Store;

/// Knows the catalogs of a store as they were last looked at, and tells when they are different.
///
/// No change is missed: what happens between two looks is seen by the second, whether or not
/// anybody waited (WPCC-3). Files that do not exist yet, and directories, are watched for too.
///
/// The descriptor ([`AsFd`]) is readable when there may be a change; then call
/// [`changed`](Self::changed), which also makes it unreadable again.
#[derive(Debug)]
pub struct Watch {
    store: Store,
    inotify: OwnedFd,
    watched: HashSet<i32>,
    seen: Stamp,
}

impl Watch {
    /// Starts watching; the catalogs as they are now count as seen.
    ///
    /// # Errors
    /// The system has no inotify instance or memory left.
    pub fn new(store: Store) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let mut watch = Self { store, inotify, watched: HashSet::new(), seen: Stamp::default() };
        watch.changed()?;
        Ok(watch)
    }

    /// Whether a catalog is different from when this was last asked. Does not wait.
    ///
    /// # Errors
    /// The system has no memory left for watching.
    pub fn changed(&mut self) -> io::Result<bool> {
        // In this order: what happened before the events were taken is found by arming and in the files, and
        // what happens afterwards makes new events, for the next look.
        self.take_events()?;
        self.arm()?;
        let now = Stamp::of(&self.store);
        Ok(std::mem::replace(&mut self.seen, now) != now)
    }

    /// Waits for a change, at most this long; `None` waits for ever. Whether there was one.
    ///
    /// # Errors
    /// As [`changed`](Self::changed).
    pub fn wait(&mut self, at_most: Option<Duration>) -> io::Result<bool> {
        let until = at_most.and_then(|time| Instant::now().checked_add(time));
        loop {
            if self.changed()? {
                return Ok(true);
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(false);
            }
            let timeout = left.and_then(|left| left.try_into().ok());
            match poll(&mut [PollFd::new(&self.inotify, PollFlags::IN)], timeout.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(why) => return Err(why.into()),
            }
        }
    }

    /// Watches each directory of the store, or the nearest one above it that is there.
    fn arm(&mut self) -> io::Result<()> {
        let mut needed = HashSet::new();
        let mut stale = std::mem::take(&mut self.watched);
        for dir in self.store.directories() {
            // Again after a watch was set, until the same answer comes twice: a directory made in
            // between would not have told anybody.
            let mut last = None;
            loop {
                let nearest = self.watch_nearest(dir)?;
                if nearest == last {
                    break;
                }
                stale.extend(last);
                last = nearest;
            }
            needed.extend(last);
        }
        for watch in stale.difference(&needed) {
            // It may be gone by itself, with its directory.
            let _ = inotify::remove_watch(&self.inotify, *watch);
        }
        self.watched = needed;
        Ok(())
    }

    fn watch_nearest(&self, dir: &Path) -> io::Result<Option<i32>> {
        let own = WatchFlags::CREATE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF;
        let above = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF;
        for path in dir.ancestors() {
            let events = if path == dir { own } else { above };
            // One directory may be both; its events add up.
            match inotify::add_watch(&self.inotify, path, events | WatchFlags::ONLYDIR | WatchFlags::MASK_ADD) {
                Ok(watch) => return Ok(Some(watch)),
                Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => {}
                Err(why) => return Err(why.into()),
            }
        }
        Ok(None)
    }

    fn take_events(&self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        loop {
            match rustix::io::read(&self.inotify, &mut buffer) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => return Ok(()),
                Err(why) => return Err(why.into()),
            }
        }
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// What tells one state of the catalogs from another: which files serve, and their content. Serial numbers alone would
/// miss a file that is edited by hand or taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamp([u64; 2]);

impl Stamp {
    fn of(store: &Store) -> Self {
        Self([one::<ProtocolCatalog>(store), one::<NamespaceCatalog>(store)])
    }
}

fn one<C: Catalog>(store: &Store) -> u64 {
    let found: Result<Option<(PathBuf, Vec<u8>)>, String> = store.read::<C>().map_err(|why| why.to_string());
    let mut hasher = DefaultHasher::new();
    found.hash(&mut hasher);
    hasher.finish()
}
