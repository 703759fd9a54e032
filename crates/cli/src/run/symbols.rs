//! Names for the addresses of call stacks, from the files that they are in.

use std::collections::HashMap;

use addr2line::Loader;

use crate::run::report::{Frame, Summary};

/// Puts functions and lines to all frames, as far as their files tell. To be called while the files are there.
pub fn resolve(summary: &mut Summary) {
    let mut files = Files::default();
    for place in summary.violations.list.iter_mut().filter_map(|mistake| mistake.place.as_mut()) {
        place.stack.iter_mut().for_each(|frame| files.resolve(frame));
    }
}

#[derive(Default)]
struct Files(HashMap<String, Option<Loader>>);

impl Files {
    fn resolve(&mut self, frame: &mut Frame) {
        let loader = self.0.entry(frame.file.clone()).or_insert_with(|| Loader::new(&frame.file).ok());
        let Some(loader) = loader else { return };
        // The offset is from where the first byte of the file is mapped.
        let address = loader.relative_address_base() + frame.offset;
        let mut names = loader.find_frames(address).ok();
        // The innermost function that was inlined there.
        if let Some(Ok(Some(found))) = names.as_mut().map(|frames| frames.next()) {
            frame.function = found.function.and_then(|name| name.demangle().ok().map(|name| name.into_owned()));
            frame.source = found.location.and_then(|at| Some(format!("{}:{}", at.file?, at.line?)));
        }
        if frame.function.is_none() {
            frame.function = loader.find_symbol(address).map(str::to_owned);
        }
    }
}
