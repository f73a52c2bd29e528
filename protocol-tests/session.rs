//! The recorded session of README.md, `examples/session.svg`: three runs on a terminal, and the picture that is made of them.
//! `BLESS=1` rewrites it where it shows something else than the program does.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use lambda_endpoint::Invocation;

use crate::pty::{Cell, cells};
use crate::terminal::{Desk, lasting};

const COLUMNS: u16 = 90;

/// Sizes in pixels: of a character's cell, and the margin.
const WIDE: f32 = 7.8;
const HIGH: f32 = 18.0;
const MARGIN: f32 = 18.0;

/// The classes of what is painted, and their colours: readable on the picture's own dark ground, which stands on a light
/// page as on a dark one.
const STYLE: &str = "\
.g{fill:#0d1117;stroke:#6e7681}text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#d1d7e0}\
.dim{fill:#9198a1}.bold{font-weight:700;fill:#fff}.good{fill:#56d364}.goodbold{fill:#56d364;font-weight:700}.changed{fill:#e3b341}\
.bad{fill:#ff7b72}.badbold{fill:#ff7b72;font-weight:700}";

/// The class of a colour's parameters.
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
        other => panic!("{other} is a colour that the picture does not know yet"),
    })
}

/// Lines of a terminal.
type Lines = Vec<Vec<Cell>>;

fn painted(text: &str, parameters: &str) -> Vec<Cell> {
    text.chars().map(|c| (c, parameters.to_owned())).collect()
}

/// A run behind its prompt.
fn scene(desk: &Desk, arguments: &[&str], status: i32) -> Lines {
    let shown = desk.on_terminal(COLUMNS, &mut desk.command(arguments));
    assert_eq!(shown.status, Some(status), "{}", shown.written);
    let command = format!("dpl-lambda {} --travis-yml .travis.yml", arguments.join(" "));
    let prompt = [painted("$ ", "32"), painted(command.trim_end(), "1")].concat();
    [vec![prompt], cells(&shown.written)].concat()
}

/// A scene without the lines with which the one before it began, too.
fn shortened(scene: &[Vec<Cell>], before: &[Vec<Cell>]) -> Lines {
    let same = scene[1..].iter().zip(&before[1..]).take_while(|(a, b)| a == b).count();
    assert!(same > 3, "the scenes begin alike");
    let told = painted(&format!("… the {same} lines above, again"), "2");
    [&scene[..1], &[told], &scene[1 + same..]].concat()
}

/// A plan, its deployment, and one that cannot begin.
fn session() -> Lines {
    let desk = Desk::new();
    desk.deploy_version_1();
    // As long as it takes at AWS, or nearly.
    desk.endpoint.set_update_duration(Duration::from_millis(700));
    desk.endpoint.answer_invocations(Invocation { delay: Duration::from_millis(150), ..Invocation::default() });
    desk.write("good-bye", "  timeout: 20\n  environment: {STAGE: test, LEVEL: info}\n  verify: {}\n");
    let plan = scene(&desk, &["plan"], 0);
    let deployment = scene(&desk, &["deploy"], 0);
    desk.write("good-bye", "  memroy_size: 512\n  timeout: ten\n");
    let failure = scene(&desk, &["deploy"], 2);
    [plan.clone(), shortened(&deployment, &plan), failure[..failure.len() - 1].to_vec()].concat()
}

/// The lines as a picture.
fn svg(lines: &[Vec<Cell>]) -> String {
    let size =
        |cells: usize, cell: f32| (2.0 * MARGIN + f32::from(u16::try_from(cells).expect("fits in u16")) * cell).ceil();
    let (width, height) = (size(usize::from(COLUMNS), WIDE), size(lines.len(), HIGH));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">\n\
         <title>A terminal: dpl-lambda plans a deployment, makes it, and says what is wrong with another</title>\n<style>{STYLE}</style>\n\
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

/// Each stretch of one colour, and each that stands behind two spaces, in its own column, whatever the font.
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
            let x = MARGIN + f32::from(u16::try_from(start).expect("a column")) * WIDE;
            let class = class(&rest[0].1).map(|class| format!(" class=\"{class}\"")).unwrap_or_default();
            let word = word.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            spans.push_str(&format!("<tspan x=\"{x:.1}\"{class}>{word}</tspan>"));
        }
        column += text.chars().count();
    }
    spans
}

/// What a parser of XML reads: a line of text for each line that is not empty, its words in their columns.
fn read(svg: &str) -> Vec<String> {
    let script = "import sys, xml.etree.ElementTree as tree\n\
        for text in tree.parse(sys.stdin.buffer).iter('{http://www.w3.org/2000/svg}text'):\n  line = ''\n  \
        for span in text:\n    line = line.ljust(round((float(span.get('x')) - 18) / 7.8)) + span.text\n  \
        sys.stdout.buffer.write((line + '\\n').encode())";
    let mut python = Command::new("python3");
    let mut python =
        python.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python runs");
    std::io::Write::write_all(&mut python.stdin.take().expect("piped"), svg.as_bytes()).expect("Python reads");
    let output = python.wait_with_output().expect("Python ends");
    assert!(output.status.success(), "the picture is no XML");
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
    assert_eq!(read(&real), text, "the picture shows what stood on the terminal");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    // Times and ids differ from run to run, and what stands behind them moves; the picture stays as it was then.
    let same = lasting_picture(&committed) == lasting_picture(&real);
    if !same && std::env::var_os("BLESS").is_some() {
        return std::fs::write(&path, real).expect("examples/ is writable");
    }
    assert!(
        same,
        "examples/session.svg shows another session than the program's; BLESS=1 rewrites it\n{}",
        text.join("\n")
    );
    assert!(
        committed.len() < 40_000 && !["<script", "href", "url(", "@import"].iter().any(|word| committed.contains(word))
    );
}

/// The lines of a picture without what differs from run to run.
fn lasting_picture(svg: &str) -> Vec<String> {
    let line = |line: &str| {
        let plain = line.replace("</tspan>", " </tspan>").replace('>', "> ");
        let kept = lasting(&plain);
        if kept == plain {
            return plain;
        }
        kept.split(' ').filter(|word| !word.starts_with("x=") && !word.is_empty()).collect::<Vec<_>>().join(" ")
    };
    svg.lines().map(line).collect()
}
