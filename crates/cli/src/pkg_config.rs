//! `windlass pkg-config`: how compilers find the headers and the library.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::failure::Failure;
use crate::home::Home;
use crate::output;

#[derive(Args)]
pub struct Options {
    /// Describe an installation below this folder, instead of what this windlass uses itself
    #[arg(long, value_name = "DIR")]
    prefix: Option<PathBuf>,
}

/// Prints the text of `ws2_32.pc`.
pub fn run(options: &Options) -> Result<u8, Failure> {
    let text = match &options.prefix {
        Some(prefix) => installed(prefix)?,
        None => {
            let home = Home::find()?;
            description(&[("libdir", path_text(&home.lib)?), ("includedir", path_text(&home.include)?)], true)
        }
    };
    output::print(&text)?;
    Ok(0)
}

/// `scripts/install` puts files where this says they are.
fn installed(prefix: &Path) -> Result<String, Failure> {
    let searched_by_the_loader = [Path::new("/usr"), Path::new("/usr/local")].contains(&prefix);
    let variables = [
        ("prefix", path_text(prefix)?),
        ("libdir", "${prefix}/lib".to_owned()),
        ("includedir", "${prefix}/include/windlass".to_owned()),
    ];
    Ok(description(&variables, !searched_by_the_loader))
}

fn description(variables: &[(&str, String)], run_path: bool) -> String {
    let mut text: String = variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    let run_path = if run_path { " -Wl,-rpath,${libdir}" } else { "" };
    text += &format!(
        "\nName: ws2_32\nDescription: Windows Sockets 2\nVersion: {}\nCflags: -I${{includedir}} -pthread\n\
         Libs: -L${{libdir}}{run_path} -lws2_32 -pthread\n",
        env!("CARGO_PKG_VERSION")
    );
    text
}

/// A path as pkg-config reads it.
fn path_text(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().filter(|text| !text.contains('\n'));
    let text = text.ok_or_else(|| Failure::new(format!("{}: pkg-config cannot have this path", path.display())))?;
    Ok(text.replace(' ', "\\ "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_is_described_below_its_prefix() {
        let text = installed(Path::new("/opt/my windlass")).unwrap();
        assert!(text.starts_with("prefix=/opt/my\\ windlass\nlibdir=${prefix}/lib\n"), "{text}");
        assert!(text.contains("\nLibs: -L${libdir} -Wl,-rpath,${libdir} -lws2_32"), "{text}");
        assert!(!installed(Path::new("/usr/local")).unwrap().contains("rpath"));
    }
}
