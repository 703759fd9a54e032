//! A file system in memory that can fail at any step and lose power at any step.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use windlass_catalog::{Lock, NewFile, Storage};

/// What happens at the chosen step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// This step alone fails, a write after half of its bytes.
    Once(ErrorKind),
    /// This step and all after it fail, as on a disk that is full or broken from then on.
    FromThen(ErrorKind),
    /// The power goes: nothing works any more, and what was not made durable is uncertain.
    PowerCut,
}

#[derive(Clone, Default)]
pub struct Model(Arc<Mutex<State>>);

#[derive(Clone, Default)]
struct State {
    files: Vec<File>,
    /// The names as programs see them.
    names: BTreeMap<PathBuf, usize>,
    /// The names as they were when the directory was last made durable.
    durable: BTreeMap<PathBuf, usize>,
    /// What happened to names since then.
    pending: Vec<NameChange>,
    step: usize,
    trouble: Option<(usize, Trouble)>,
    locked: BTreeSet<PathBuf>,
}

#[derive(Clone, Default)]
struct File {
    bytes: Vec<u8>,
    durable: bool,
}

#[derive(Clone)]
enum NameChange {
    Make(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl Model {
    /// A copy that fares differently from now on.
    pub fn fork(&self) -> Self {
        Self(Arc::new(Mutex::new(self.state().clone())))
    }

    /// Lets a step, counted from now, go wrong.
    pub fn plan(&self, step: usize, trouble: Trouble) {
        let mut state = self.state();
        (state.step, state.trouble) = (0, Some((step, trouble)));
    }

    /// How many steps there were since the plan.
    pub fn steps(&self) -> usize {
        self.state().step
    }

    /// Nothing goes wrong any more.
    pub fn recover(&self) {
        let mut state = self.state();
        state.trouble = None;
        state.locked.clear();
    }

    /// Every state the disk may be in after a power cut now: any of the name changes that were not made durable may
    /// have happened, and files that were not may hold nothing, half, or rubbish.
    pub fn after_power_cut(&self) -> Vec<Model> {
        let state = self.state();
        assert!(state.pending.len() < 12, "the possibilities must stay few");
        let mut found = Vec::new();
        for chosen in 0..1usize << state.pending.len() {
            let mut names = state.durable.clone();
            for (at, change) in state.pending.iter().enumerate() {
                if chosen & 1 << at != 0 {
                    change.apply(&mut names);
                }
            }
            for damage in 0..3 {
                let mut files = state.files.clone();
                for file in files.iter_mut().filter(|file| !file.durable) {
                    let half = file.bytes.len() / 2;
                    match damage {
                        0 => file.bytes.clear(),
                        1 => file.bytes.truncate(half),
                        _ => file.bytes[half..].fill(0),
                    }
                    file.durable = true;
                }
                let state = State { files, durable: names.clone(), names: names.clone(), ..State::default() };
                found.push(Model(Arc::new(Mutex::new(state))));
            }
        }
        found
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Counts a step, or fails it.
    fn enter(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        match state.next_step() {
            Some(kind) => Err(kind.into()),
            None => Ok(state),
        }
    }
}

impl State {
    fn next_step(&mut self) -> Option<ErrorKind> {
        let step = self.step;
        self.step += 1;
        match self.trouble? {
            (at, Trouble::Once(kind)) => (step == at).then_some(kind),
            (at, Trouble::FromThen(kind)) => (step >= at).then_some(kind),
            (at, Trouble::PowerCut) => (step >= at).then_some(ErrorKind::BrokenPipe),
        }
    }

    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending.push(change);
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Make(path, file) => {
                names.insert(path.clone(), *file);
            }
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            Self::Remove(path) => {
                names.remove(path);
            }
        }
    }
}

impl Storage for Model {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let state = self.enter()?;
        Ok(state.names.get(path).map(|file| state.files[*file].bytes.clone()))
    }

    fn create_dir(&self, _path: &Path) -> io::Result<()> {
        self.enter().map(drop)
    }

    fn lock(&self, path: &Path, _patience: Duration) -> io::Result<Box<dyn Lock>> {
        let mut state = self.enter()?;
        if !state.locked.insert(path.into()) {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Held(self.clone(), path.into())))
    }

    fn create(&self, path: &Path, _shared: bool) -> io::Result<Box<dyn NewFile>> {
        let mut state = self.enter()?;
        let file = state.files.len();
        state.files.push(File::default());
        state.change(NameChange::Make(path.into(), file));
        Ok(Box::new(Open(self.clone(), file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.enter()?;
        assert!(state.names.contains_key(from));
        state.change(NameChange::Rename(from.into(), to.into()));
        Ok(())
    }

    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        let mut state = self.enter()?;
        state.durable = state.names.clone();
        state.pending.clear();
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.enter()?;
        if state.names.contains_key(path) {
            state.change(NameChange::Remove(path.into()));
        }
        Ok(())
    }
}

struct Held(Model, PathBuf);

impl Lock for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.state().locked.remove(&self.1);
    }
}

struct Open(Model, usize);

impl NewFile for Open {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.state();
        let trouble = state.next_step();
        // Short writes are the rule here; the writer must go on.
        let half = bytes.len().div_ceil(2);
        let file = &mut state.files[self.1];
        file.bytes.extend_from_slice(&bytes[..half]);
        file.durable = false;
        match trouble {
            Some(kind) => Err(kind.into()),
            None => Ok(half),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.0.enter()?;
        state.files[self.1].durable = true;
        Ok(())
    }
}
