//! Reads YAML as a stream of events with libyaml, the parser that Travis CI uses. Never passes on a pointer
//! of libyaml: each event owns its texts.
//!
//! libyaml accepts more than the specification of YAML allows, such as lines of a quoted text that are not
//! indented, and tabs and comments at unusual places. Travis CI reads such files, so this program reads them.
#![expect(unsafe_code, reason = "libyaml-rs has the functions of a C library")]

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::slice;

use libyaml_rs as sys;

/// A position in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// Why a text is not valid YAML.
pub(super) struct SyntaxError {
    /// libyaml's message, such as `did not find expected key while parsing a block mapping`.
    pub(super) detail: String,
    pub(super) place: Position,
}

/// A part of a document.
pub(super) enum Event {
    Scalar {
        text: String,
        plain: bool,
        properties: Properties,
    },
    ListStart(Properties),
    MapStart(Properties),
    /// The end of a list or a map.
    CollectionEnd,
    /// An alias, with the name of its anchor.
    Alias(String),
    /// The end of a document, or of a text without one.
    DocumentEnd,
    /// The start of the text or of a document, or nothing.
    Other,
}

/// What a value can begin with: `&anchor !tag`.
pub(super) struct Properties {
    pub(super) anchor: Option<String>,
    /// The full tag, such as `tag:yaml.org,2002:str` for `!!str`.
    pub(super) tag: Option<String>,
}

/// Problems that are reported where the value begins. libyaml finds them only at the end of the file, or on a
/// later line.
const BEGUN_EARLIER: [&str; 2] = ["found unexpected end of stream", "could not find expected ':'"];

/// A parser of one text.
pub(super) struct Parser<'a> {
    text: &'a str,
    /// From [`Box::into_raw`], because libyaml stores this address in the parser itself.
    raw: *mut sys::yaml_parser_t,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let raw = Box::into_raw(Box::<sys::yaml_parser_t>::new_uninit()).cast::<sys::yaml_parser_t>();
        // SAFETY: `raw` points to memory for a parser, and `text` outlives it.
        unsafe {
            assert!(sys::yaml_parser_initialize(raw).ok, "a parser can always be initialized");
            sys::yaml_parser_set_input_string(raw, text.as_ptr(), text.len() as u64);
        }
        Parser { text, raw }
    }

    /// The next event, and where it begins. At the end of the text it is [`Event::Other`].
    pub(super) fn read_event(&mut self) -> Result<(Event, Position), SyntaxError> {
        let mut raw = MaybeUninit::<sys::yaml_event_t>::uninit();
        // SAFETY: the parser is initialized. After a success it has initialized the event, whose texts are
        // valid until it is deleted.
        unsafe {
            if !sys::yaml_parser_parse(self.raw, raw.as_mut_ptr()).ok {
                return Err(self.error());
            }
            let mut raw = raw.assume_init();
            let found = (event(&raw), position(raw.start_mark));
            sys::yaml_event_delete(&mut raw);
            Ok(found)
        }
    }

    fn error(&self) -> SyntaxError {
        // SAFETY: the parser is initialized, and both texts are null or constants.
        let (parser, problem, context) = unsafe {
            let parser = &*self.raw;
            (parser, owned(parser.problem.cast()).unwrap_or_default(), owned(parser.context.cast()))
        };
        let place = if parser.error == sys::YAML_READER_ERROR {
            // A control character. libyaml knows only its offset.
            let before = self.text.get(..parser.problem_offset as usize).unwrap_or(self.text);
            let line = before.rsplit('\n').next().unwrap_or(before);
            Position { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
        } else if BEGUN_EARLIER.contains(&problem.as_str()) {
            position(parser.context_mark)
        } else {
            position(parser.problem_mark)
        };
        let detail = context.map_or(problem.clone(), |context| format!("{problem} {context}"));
        SyntaxError { detail, place }
    }
}

impl Drop for Parser<'_> {
    fn drop(&mut self) {
        // SAFETY: the parser is initialized, it is from a box, and it is not used again.
        unsafe {
            sys::yaml_parser_delete(self.raw);
            drop(Box::from_raw(self.raw));
        }
    }
}

/// Copies an event.
///
/// # Safety
/// The event comes from libyaml and is not deleted.
unsafe fn event(raw: &sys::yaml_event_t) -> Event {
    // SAFETY: the type of the event says which member of the union libyaml has set.
    unsafe {
        match raw.type_ {
            sys::YAML_SCALAR_EVENT => {
                let scalar = raw.data.scalar;
                let bytes = slice::from_raw_parts(scalar.value.cast_const(), scalar.length as usize);
                Event::Scalar {
                    text: String::from_utf8_lossy(bytes).into_owned(),
                    plain: scalar.style == sys::YAML_PLAIN_SCALAR_STYLE,
                    properties: Properties { anchor: owned(scalar.anchor), tag: owned(scalar.tag) },
                }
            }
            sys::YAML_SEQUENCE_START_EVENT => {
                let list = raw.data.sequence_start;
                Event::ListStart(Properties { anchor: owned(list.anchor), tag: owned(list.tag) })
            }
            sys::YAML_MAPPING_START_EVENT => {
                let map = raw.data.mapping_start;
                Event::MapStart(Properties { anchor: owned(map.anchor), tag: owned(map.tag) })
            }
            sys::YAML_SEQUENCE_END_EVENT | sys::YAML_MAPPING_END_EVENT => Event::CollectionEnd,
            sys::YAML_ALIAS_EVENT => Event::Alias(owned(raw.data.alias.anchor).unwrap_or_default()),
            sys::YAML_DOCUMENT_END_EVENT | sys::YAML_STREAM_END_EVENT => Event::DocumentEnd,
            _ => Event::Other,
        }
    }
}

/// Copies a text of libyaml. `None`: the pointer is null.
///
/// # Safety
/// A pointer that is not null points to a text that ends with a zero byte.
unsafe fn owned(text: *const u8) -> Option<String> {
    // SAFETY: as the caller ensures.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text.cast()) }.to_string_lossy().into_owned())
}

fn position(mark: sys::yaml_mark_t) -> Position {
    Position { line: mark.line as usize + 1, column: mark.column as usize + 1 }
}
