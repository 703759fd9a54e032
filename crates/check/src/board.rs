//! What the process of a check leaves behind, however it ends: the functions of the provider that its threads are in, and its
//! verdict. A file, so that even a process that was killed has told.

use std::cell::Cell;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::findings::Verdict;

const SLOTS: u64 = 64;
const SLOT: usize = 64;
const VERDICT_AT: u64 = SLOTS * SLOT as u64;

static BOARD: OnceLock<File> = OnceLock::new();

thread_local! {
    static MINE: Cell<Option<u64>> = const { Cell::new(None) };
    static INSIDE: Cell<&'static str> = const { Cell::new("") };
}

/// Opens the file that the parent reads. Errors are the system's.
pub fn open(path: &Path) -> std::io::Result<()> {
    let file = File::options().write(true).open(path)?;
    let _ = BOARD.set(file);
    Ok(())
}

/// Says that the thread is in a function of the provider, for as long as the value lives.
pub fn enter(function: &'static str) -> Inside {
    let before = INSIDE.replace(function);
    write(function);
    Inside { before }
}

pub struct Inside {
    before: &'static str,
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(self.before);
        write(self.before);
    }
}

fn write(name: &str) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let Some(board) = BOARD.get() else { return };
    let slot = MINE.get().unwrap_or_else(|| NEXT.fetch_add(1, Ordering::Relaxed) % SLOTS);
    MINE.set(Some(slot));
    let mut text = [0u8; SLOT];
    let length = name.len().min(SLOT);
    text[..length].copy_from_slice(&name.as_bytes()[..length]);
    // A full disk loses the name, and nothing else.
    let _ = board.write_all_at(&text, slot * SLOT as u64);
}

/// Leaves the verdict. Whatever comes after does not matter.
fn leave(verdict: &Verdict) {
    let Some(board) = BOARD.get() else { return };
    let text = serde_json::to_vec(verdict).unwrap_or_default();
    let _ = board.write_all_at(&text, VERDICT_AT + 8);
    let _ = board.write_all_at(&(text.len() as u64).to_le_bytes(), VERDICT_AT);
}

/// Leaves the verdict, and ends the process at once: nothing of the provider runs any more.
pub fn leave_when_told(verdict: Verdict) -> ! {
    leave(&verdict);
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::exit(0)
}

/// What a process left: its verdict, and the functions that its threads were in.
pub fn read(path: &Path) -> (Option<Verdict>, Vec<String>) {
    let bytes = std::fs::read(path).unwrap_or_default();
    let inside = bytes.chunks(SLOT).take(SLOTS as usize).map(|slot| {
        let end = slot.iter().position(|byte| *byte == 0).unwrap_or(slot.len());
        String::from_utf8_lossy(&slot[..end]).into_owned()
    });
    let mut inside: Vec<_> = inside.filter(|name| !name.is_empty()).collect();
    inside.sort();
    inside.dedup();
    (verdict(&bytes), inside)
}

fn verdict(bytes: &[u8]) -> Option<Verdict> {
    let rest = bytes.get(VERDICT_AT as usize..)?;
    let (length, rest) = rest.split_first_chunk()?;
    let text = rest.get(..u64::from_le_bytes(*length) as usize).filter(|text| !text.is_empty())?;
    serde_json::from_slice(text).ok()
}
