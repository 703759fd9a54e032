//! Names for the addresses of call stacks, from the files that they are in.

use std::collections::HashMap;

use addr2line::Loader;

use crate::run::report::{Frame, Summary};

/// Puts functions and lines to all frames, as far as their files tell; a function that was inlined becomes a frame of its own. To be
/// called while the files are there.
pub fn resolve(summary: &mut Summary) {
    let mut files = Files::default();
    for place in summary.violations.list.iter_mut().filter_map(|mistake| mistake.place.as_mut()) {
        place.stack = place.stack.drain(..).flat_map(|frame| files.resolve(frame)).collect();
    }
}

#[derive(Default)]
struct Files(HashMap<String, Option<Loader>>);

impl Files {
    /// The innermost first.
    fn resolve(&mut self, frame: Frame) -> Vec<Frame> {
        let loader = self.0.entry(frame.file.clone()).or_insert_with(|| Loader::new(&frame.file).ok());
        let Some(loader) = loader else { return vec![frame] };
        // The offset is from where the first byte of the file is mapped.
        let address = loader.relative_address_base() + frame.offset;
        let mut resolved = Vec::new();
        if let Ok(mut frames) = loader.find_frames(address) {
            while let Ok(Some(found)) = frames.next() {
                let function = found.function.and_then(|name| name.demangle().ok().map(|name| name.into_owned()));
                let source = found.location.and_then(|at| Some(format!("{}:{}", at.file?, at.line?)));
                resolved.push(Frame { function, source, ..frame.clone() });
            }
        }
        if resolved.is_empty() {
            resolved.push(frame);
        }
        if let Some(outermost) = resolved.last_mut().filter(|frame| frame.function.is_none()) {
            outermost.function = loader.find_symbol(address).map(str::to_owned);
        }
        resolved
    }
}
