//! Tests the picture in README.md, `examples/session.svg`: a recording of three runs on a terminal.
//! `BLESS=1` rewrites it if the program's output differs.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use lambda_endpoint::Invocation;

use crate::pty::{Cell, cells};
use crate::terminal::{Desk, lasting};

const COLUMNS: u16 = 90;

/// Sizes in pixels: width and height of a character cell, and the margin.
const WIDE: f32 = 7.8;
const HIGH: f32 = 18.0;
const MARGIN: f32 = 18.0;

/// CSS classes with their colors. The picture has its own dark background, so that it is readable on a light
/// and on a dark page.
const STYLE: &str = "\
.g{fill:#0d1117;stroke:#6e7681}text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#d1d7e0}\
.dim{fill:#9198a1}.bold{font-weight:700;fill:#fff}.good{fill:#56d364}.goodbold{fill:#56d364;font-weight:700}.changed{fill:#e3b341}\
.bad{fill:#ff7b72}.badbold{fill:#ff7b72;font-weight:700}";

/// The CSS class for the parameters of a color sequence.
fn class(parameters: &str) -> Option<&'static str> {
    Some(match parameters {
        "" => return None,
        "2" => "dim",
        "1" => "bold",
        "32" => "good",
        "1;32" => "goodbold",
        "33" => "changed",
        "31" => "bad",
        "1;31" => "badbold",
        other => panic!("no CSS class for the color {other}"),
    })
}

/// Lines of a terminal.
type Lines = Vec<Vec<Cell>>;

fn painted(text: &str, parameters: &str) -> Vec<Cell> {
    text.chars().map(|c| (c, parameters.to_owned())).collect()
}

/// The screen of one run, with a shell prompt before it.
fn scene(desk: &Desk, arguments: &[&str], status: i32) -> Lines {
    let shown = desk.on_terminal(COLUMNS, &mut desk.command(arguments));
    assert_eq!(shown.status, Some(status), "{}", shown.written);
    let command = format!("dpl-lambda {} --travis-yml .travis.yml", arguments.join(" "));
    let prompt = [painted("$ ", "32"), painted(command.trim_end(), "1")].concat();
    [vec![prompt], cells(&shown.written)].concat()
}

/// A scene in which one line replaces the first lines, if the previous scene began with the same ones.
fn shortened(scene: &[Vec<Cell>], before: &[Vec<Cell>]) -> Lines {
    let same = scene[1..].iter().zip(&before[1..]).take_while(|(a, b)| a == b).count();
    assert!(same > 3, "the scenes begin with the same lines");
    let reported = painted(&format!("… the same {same} lines as above"), "2");
    [&scene[..1], &[reported], &scene[1 + same..]].concat()
}

/// A plan, its deployment, and a deployment that fails because of an invalid stanza.
fn session() -> Lines {
    let desk = Desk::new();
    desk.deploy_version_1();
    // About as long as AWS takes.
    desk.endpoint.set_update_duration(Duration::from_millis(700));
    desk.endpoint
        .answer_invocations(Invocation { delay: Duration::from_millis(150), ..Invocation::default() });
    desk.write("good-bye", "  timeout: 20\n  environment: {STAGE: test, LEVEL: info}\n  verify: {}\n");
    let plan = scene(&desk, &["plan"], 0);
    let deployment = scene(&desk, &["deploy"], 0);
    desk.write("good-bye", "  memroy_size: 512\n  timeout: ten\n");
    let failure = scene(&desk, &["deploy"], 2);
    [plan.clone(), shortened(&deployment, &plan), failure[..failure.len() - 1].to_vec()].concat()
}

/// Renders the lines as an SVG picture.
fn svg(lines: &[Vec<Cell>]) -> String {
    let size = |cells: usize, cell: f32| {
        (2.0 * MARGIN + f32::from(u16::try_from(cells).expect("fits in u16")) * cell).ceil()
    };
    let (width, height) = (size(usize::from(COLUMNS), WIDE), size(lines.len(), HIGH));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">\n\
         <title>A terminal: dpl-lambda plans a deployment, runs it, and reports the errors of another one</title>\n<style>{STYLE}</style>\n\
         <rect class=\"g\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n",
        width - 1.0,
        height - 1.0
    );
    for (number, line) in lines.iter().enumerate() {
        let spans = spans(line);
        if !spans.is_empty() {
            let y = MARGIN + 13.0 + f32::from(u16::try_from(number).expect("fits in u16")) * HIGH;
            svg.push_str(&format!("<text y=\"{y}\">{spans}</text>\n"));
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// One `tspan` for each part of a line with the same color. A part after two spaces also gets its own
/// `tspan`, at the position of its column, so that columns are aligned in any font.
fn spans(line: &[Cell]) -> String {
    let mut spans = String::new();
    let mut column = 0;
    while column < line.len() {
        let rest = &line[column..];
        let same = rest.iter().take_while(|cell| cell.1 == rest[0].1).count();
        let gap = rest.windows(2).position(|pair| pair[0].0 == ' ' && pair[1].0 == ' ');
        let text: String = rest[..gap.unwrap_or(same).clamp(1, same)].iter().map(|cell| cell.0).collect();
        let word = text.trim();
        if !word.is_empty() {
            let start = column + text.chars().take_while(|c| *c == ' ').count();
            let x = MARGIN + f32::from(u16::try_from(start).expect("fits in u16")) * WIDE;
            let class = class(&rest[0].1).map(|class| format!(" class=\"{class}\"")).unwrap_or_default();
            let word = word.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            spans.push_str(&format!("<tspan x=\"{x:.1}\"{class}>{word}</tspan>"));
        }
        column += text.chars().count();
    }
    spans
}

/// Reads the picture with an XML parser: a line of text for each `text` element, with its words in their
/// columns.
fn read(svg: &str) -> Vec<String> {
    let script = "import sys, xml.etree.ElementTree as tree\n\
        for text in tree.parse(sys.stdin.buffer).iter('{http://www.w3.org/2000/svg}text'):\n  line = ''\n  \
        for span in text:\n    line = line.ljust(round((float(span.get('x')) - 18) / 7.8)) + span.text\n  \
        sys.stdout.buffer.write((line + '\\n').encode())";
    let mut python = Command::new("python3");
    let mut python = python
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("can be started");
    std::io::Write::write_all(&mut python.stdin.take().expect("piped"), svg.as_bytes()).expect("writable");
    let output = python.wait_with_output().expect("can be waited for");
    assert!(output.status.success(), "the picture is not valid XML");
    String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
}

#[test]
#[ignore = "second tier: needs Python"]
fn the_session_of_the_readme_is_a_real_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/session.svg");
    let lines = session();
    let real = svg(&lines);
    let text = |line: &Vec<Cell>| line.iter().map(|cell| cell.0).collect::<String>().trim_end().to_owned();
    let text: Vec<String> = lines.iter().map(text).filter(|line| !line.is_empty()).collect();
    assert_eq!(read(&real), text, "the picture shows the screen");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    // Times and ids differ between runs and move the text after them; that alone does not change the picture.
    let same = lasting_picture(&committed) == lasting_picture(&real);
    if !same && std::env::var_os("BLESS").is_some() {
        return std::fs::write(&path, real).expect("examples/ is writable");
    }
    assert!(
        same,
        "examples/session.svg differs from the output of the program; BLESS=1 rewrites it\n{}",
        text.join("\n")
    );
    assert!(
        committed.len() < 40_000
            && !["<script", "href", "url(", "@import"].iter().any(|word| committed.contains(word))
    );
}

/// The lines of a picture without the parts that differ between runs.
fn lasting_picture(svg: &str) -> Vec<String> {
    let line = |line: &str| {
        let plain = line.replace("</tspan>", " </tspan>").replace('>', "> ");
        let kept = lasting(&plain);
        if kept == plain {
            return plain;
        }
        kept.split(' ')
            .filter(|word| !word.starts_with("x=") && !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    };
    svg.lines().map(line).collect()
}
