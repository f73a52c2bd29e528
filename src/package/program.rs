//! Finds out by the first bytes of a file whether it is an archive, and whether Lambda can start it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::handler::MissingHandler;

/// Number of bytes that are read of a file. Linkers put the name of a program's loader into its first page:
/// GNU's after the headers, and Go's at the end.
pub(super) const HEAD_BYTES: u64 = 4096;

/// The loader of a program that is linked dynamically with musl, as on Alpine Linux. Lambda has glibc only.
const MUSL_LOADER: &[u8] = b"/lib/ld-musl-";

/// What kind of program a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// A Linux program for a processor: the number `e_machine` of its ELF header.
    Elf(u16),
    /// A script whose first line names its interpreter.
    Script { has_carriage_return: bool },
    /// Nothing that Linux can start: a program of another system, or `None`.
    Other(Option<&'static str>),
}

impl Program {
    /// Recognizes a program by its first bytes.
    pub(super) fn of(head: &[u8]) -> Self {
        match head {
            [0x7F, b'E', b'L', b'F', ..]
                if head.windows(MUSL_LOADER.len()).any(|part| part == MUSL_LOADER) =>
            {
                Program::Other(Some("Alpine Linux"))
            }
            [0x7F, b'E', b'L', b'F', _, order, ..] if head.len() >= 20 => {
                let machine = [head[18], head[19]];
                // 2: numbers begin with the high byte.
                let is_big_endian = *order == 2;
                let read = if is_big_endian { u16::from_be_bytes } else { u16::from_le_bytes };
                Program::Elf(read(machine))
            }
            [b'#', b'!', ..] => {
                let mut lines = head.split(|byte| *byte == b'\n');
                Program::Script {
                    has_carriage_return: lines.next().is_some_and(|line| line.ends_with(b"\r")),
                }
            }
            [0xCF | 0xCE, 0xFA, 0xED, 0xFE, ..] => Program::Other(Some("macOS")),
            [b'M', b'Z', ..] => Program::Other(Some("Windows")),
            _ => Program::Other(None),
        }
    }

    /// Why Lambda cannot start this as `bootstrap`. `architecture` is that of the function; `None`: it is
    /// not known.
    pub(super) fn fault(self, architecture: Option<&str>) -> Option<MissingHandler> {
        match self {
            Program::Elf(machine) => {
                let runs_on = architecture.filter(|architecture| !runs(architecture, machine))?;
                Some(MissingHandler::OtherProcessor {
                    built_for: processor(machine),
                    runs_on: runs_on.to_owned(),
                })
            }
            Program::Script { has_carriage_return } => {
                has_carriage_return.then_some(MissingHandler::CarriageReturn)
            }
            Program::Other(system) => Some(MissingHandler::NoProgram { system }),
        }
    }
}

/// Numbers of processors in ELF headers.
const EM_386: u16 = 3;
const EM_ARM: u16 = 40;
const EM_X86_64: u16 = 62;
const EM_AARCH64: u16 = 183;

/// Whether an architecture of Lambda can run programs for a processor. Those for the 32-bit processor of the
/// same family may run, too. True for an architecture that is not known here.
fn runs(architecture: &str, machine: u16) -> bool {
    match architecture {
        "x86_64" => matches!(machine, EM_X86_64 | EM_386),
        "arm64" => matches!(machine, EM_AARCH64 | EM_ARM),
        _ => true,
    }
}

fn processor(machine: u16) -> String {
    match machine {
        EM_X86_64 => "x86_64".to_owned(),
        EM_AARCH64 => "arm64".to_owned(),
        EM_386 => "32-bit x86".to_owned(),
        EM_ARM => "32-bit Arm".to_owned(),
        other => format!("another processor (ELF machine {other})"),
    }
}

/// Whether a file with these first bytes is a zip archive.
pub(super) fn is_archive(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

/// The first bytes of a file. `None`: it cannot be read.
pub(super) fn head(path: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(order: u8, machine: [u8; 2]) -> Vec<u8> {
        let mut head = vec![0; 64];
        head[..6].copy_from_slice(&[0x7F, b'E', b'L', b'F', 2, order]);
        head[18..20].copy_from_slice(&machine);
        head
    }

    #[test]
    fn a_program_is_known_by_its_first_bytes() {
        assert_eq!(Program::of(&elf(1, [62, 0])), Program::Elf(62));
        assert_eq!(Program::of(&elf(2, [0, 21])), Program::Elf(21));
        assert_eq!(Program::of(&elf(1, [62, 0])[..19]), Program::Other(None));
        for (head, has_carriage_return) in
            [("#!/bin/sh\n\r", false), ("#!/bin/sh\r\nx", true), ("#!/bin/sh", false), ("#!/bin/sh\r", true)]
        {
            assert_eq!(Program::of(head.as_bytes()), Program::Script { has_carriage_return }, "{head:?}");
        }
        assert_eq!(Program::of(b"\xCF\xFA\xED\xFE\x07"), Program::Other(Some("macOS")));
        assert_eq!(Program::of(b"MZ\x90"), Program::Other(Some("Windows")));
        let with_loader = |loader: &str| [&elf(1, [62, 0])[..], loader.as_bytes(), b"\0"].concat();
        let with_musl = with_loader("/lib/ld-musl-x86_64.so.1");
        assert_eq!(Program::of(&with_musl), Program::Other(Some("Alpine Linux")));
        assert_eq!(Program::of(&with_loader("/lib64/ld-linux-x86-64.so.2")), Program::Elf(62));
        for head in ["", "echo", "\u{feff}#!/bin/sh\n", "PK\u{3}\u{4}"] {
            assert_eq!(Program::of(head.as_bytes()), Program::Other(None), "{head:?}");
        }
        assert!(is_archive(b"PK\x03\x04\x14") && is_archive(b"PK\x05\x06") && !is_archive(b"PKG"));
    }

    #[test]
    fn a_program_runs_on_its_own_architecture() {
        let fault = |machine, architecture| Program::Elf(machine).fault(architecture);
        for (machine, architecture) in [(62, "x86_64"), (3, "x86_64"), (183, "arm64"), (183, "riscv64")] {
            assert_eq!(fault(machine, Some(architecture)), None, "{machine} {architecture}");
        }
        assert_eq!(fault(183, None), None, "the architecture is not known");
        let other = |built_for: &str, runs_on: &str| {
            Some(MissingHandler::OtherProcessor {
                built_for: built_for.to_owned(),
                runs_on: runs_on.to_owned(),
            })
        };
        assert_eq!(fault(183, Some("x86_64")), other("arm64", "x86_64"));
        assert_eq!(fault(62, Some("arm64")), other("x86_64", "arm64"));
        assert_eq!(fault(243, Some("arm64")), other("another processor (ELF machine 243)", "arm64"));
    }
}
