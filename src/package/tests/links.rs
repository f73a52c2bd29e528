//! Tests of symbolic links, and of repositories to which they lead.

use super::*;
use crate::protocol::stanza::Links;

fn dangles(name: &str, target: &str, reason: DanglingReason) -> PackageNote {
    PackageNote::Dangles { name: name.to_owned(), target: target.to_owned(), reason }
}

#[test]
fn links_of_a_finished_archive_are_judged_by_its_entries() {
    let tree = tree(&[("lib/a.js", "1")]);
    link(&tree, "lib/a.js", "good");
    link(&tree, "lib/b.js", "bad");
    link(&tree, "/opt/x", "layer");
    fs::write(tree.path().join("made.zip"), bytes(&archive(&tree))).unwrap();
    let bad = dangles("bad", "lib/b.js", DanglingReason::NotInArchive);
    assert_eq!(archive_of(&tree, "made.zip").unwrap().notes(), [bad]);
}

#[test]
fn links_are_kept_or_followed_as_asked() {
    let outside = tree(&[("shared/x.js", "shared")]);
    let tree = tree(&[("lib/a.js", "1")]);
    let shared = outside.path().join("shared").display().to_string();
    link(&tree, "lib", "inside");
    link(&tree, &shared, "outside");
    link(&tree, "..", "lib/up");
    let with = |links| packaged(&tree, &Selection { links, ..Selection::default() });
    let circle = |name: &str| PackageNote::Cycle { name: name.to_owned(), target: "..".to_owned() };
    let (kept, notes) = with(Links::Preserve);
    assert_eq!(kept, ["inside", "lib/a.js", "lib/up", "outside"]);
    assert_eq!(notes, [dangles("outside", &shared, DanglingReason::Outside)]);
    let (followed, notes) = with(Links::Follow);
    assert_eq!(followed, ["inside/a.js", "lib/a.js", "outside/x.js"]);
    assert_eq!(notes, [circle("inside/up"), circle("lib/up")]);
    let (external, notes) = with(Links::External);
    assert_eq!(external, ["inside", "lib/a.js", "lib/up", "outside/x.js"]);
    assert_eq!(notes, []);
}

#[test]
fn a_repository_stays_out_whatever_way_leads_there() {
    let outside = tree(&[
        ("lib/x.js", "1"),
        ("lib/.git/config", "token"),
        (".git/hooks/x", "2"),
        ("a/.git", "gitdir: .."),
    ]);
    let tree = tree(&[
        ("app.js", "1"),
        (".git/config", "token"),
        (".git/hooks/pre-push", "2"),
        ("sub/.git/config", "3"),
        ("sub/deep/er/.git", "gitdir: x"),
        ("sub/deep/er/y.js", "4"),
        ("sub/.GIT/x", "5"),
        ("sub/.github/x", "6"),
    ]);
    link(&tree, ".git", "repository");
    link(&tree, "../.git/hooks", "sub/hooks");
    link(&tree, ".git/config", "config");
    link(&tree, "repository/config", "by-another");
    link(&tree, outside.path().join("lib"), "lib");
    link(&tree, outside.path().join(".git/hooks"), "elsewhere");
    link(&tree, outside.path().join("a/.git"), "submodule");
    let all = ["", ".", "./", "sub", "sub/deep/"]
        .map(|path| vec![path.to_owned()].into_iter().filter(|p| !p.is_empty()).collect());
    let several = [strings(["app.js", "sub"]).to_vec(), strings(["sub/deep", "./sub", "app.js"]).to_vec()];
    for paths in all.into_iter().chain(several) {
        for (links, include) in [
            (Links::Preserve, vec![]),
            (Links::Follow, vec![]),
            (Links::External, vec![]),
            (Links::Follow, strings(["**/.git/**", ".git/config", "*"])),
        ] {
            let selection =
                Selection { paths: paths.clone(), links, include, dot_match: true, ..Selection::default() };
            let archive = select(tree.path(), &selection).unwrap();
            let (content, names) = (bytes(&archive), names(&archive));
            let leaks = |text: &[u8]| content.windows(text.len()).any(|part| part == text);
            assert!(!names.iter().any(|name| name.to_lowercase().contains(".git/")), "{names:?}");
            assert!(!leaks(b"token") && !leaks(b"gitdir"), "{selection:?}: {names:?}");
            if links == Links::Follow {
                let hidden = ["repository", "config", "by-another", "elsewhere", "submodule", "sub/hooks"];
                let is_hidden = |name: &String| hidden.iter().any(|hidden| name.starts_with(hidden));
                assert!(!names.iter().any(is_hidden), "{names:?}");
            }
        }
    }
    for path in [
        ".git",
        "./.git/",
        ".git/hooks",
        ".git/config",
        "sub/.git",
        "sub/deep/er/.git",
        "sub/../.git",
        "repository",
        "config",
        "sub/hooks/pre-push",
        "elsewhere",
        ".GIT/../.git",
    ] {
        for paths in [strings([path]), strings(["app.js", path])] {
            let result = select(tree.path(), &Selection { paths, dot_match: true, ..Selection::default() });
            let is_refused = matches!(
                result,
                Err(PackageError::Repository { .. }
                    | PackageError::NoName { .. }
                    | PackageError::NotFound { .. })
            );
            assert!(is_refused, "{path}: {result:?}");
        }
    }
}

#[test]
fn a_followed_link_leads_to_nothing_hidden_unless_dots_match() {
    let outside = tree(&[(".aws/credentials", "x"), (".cache/build/z.js", "z"), ("shared/y.js", "y")]);
    let tree = tree(&[
        ("app.js", "1"),
        (".env", "2"),
        (".secrets/key", "3"),
        ("node_modules/.pnpm/a@1/node_modules/a/a.js", "4"),
        ("node_modules/.pnpm/a@1/node_modules/a/.npmrc", "5"),
    ]);
    link(&tree, ".env", "settings");
    link(&tree, ".secrets", "secrets");
    link(&tree, ".secrets/key", "key");
    link(&tree, ".pnpm/a@1/node_modules/a", "node_modules/a");
    link(&tree, outside.path().join(".aws/credentials"), "credentials");
    link(&tree, outside.path().join("shared"), "shared");
    link(&tree, outside.path().join(".cache/build/z.js"), "z.js");
    let with = |links, dot_match| {
        let (names, notes) = packaged(&tree, &Selection { links, dot_match, ..Selection::default() });
        (names, notes.iter().filter(|note| matches!(note, PackageNote::Hidden { .. })).count())
    };
    let followed = strings(["app.js", "node_modules/a/a.js", "shared/y.js", "z.js"]);
    assert_eq!(with(Links::Follow, false), (followed.clone(), 4));
    assert_eq!(with(Links::External, false), (followed, 4));
    let (all, left_out) = with(Links::Follow, true);
    assert_eq!(left_out, 0);
    for name in ["credentials", "key", "secrets/key", "settings", "node_modules/a/.npmrc"] {
        assert!(all.iter().any(|known| known == name), "{name}: {all:?}");
    }
}

#[test]
fn a_link_to_nothing_is_kept_with_a_warning_and_cannot_be_followed() {
    let tree = tree(&[("a.js", "1")]);
    link(&tree, "nowhere", "dangling");
    link(&tree, "/home/nobody/nowhere", "outside");
    let kept = scanned(&tree, &Selection::default());
    let missing = |name, target| dangles(name, target, DanglingReason::Missing);
    assert_eq!(kept.notes(), [missing("dangling", "nowhere"), missing("outside", "/home/nobody/nowhere")]);
    fs::remove_file(tree.path().join("outside")).unwrap();
    let scan_with = |links| scan(tree.path(), &Selection { links, ..Selection::default() }, &[]);
    for links in [Links::Preserve, Links::External] {
        let kept = scan_with(links).unwrap();
        assert!(matches!(
            kept.notes(),
            [PackageNote::Dangles { name, reason: DanglingReason::Missing, .. }] if name == "dangling"
        ));
    }
    let followed = scan_with(Links::Follow);
    assert!(matches!(followed, Err(PackageError::DanglingLink { .. })), "{followed:?}");
    link(&tree, "/home/nobody/nowhere", "outside");
    let external = scan_with(Links::External);
    assert!(matches!(external, Err(PackageError::DanglingLink { .. })), "{external:?}");
}

#[test]
fn links_to_what_lambda_has_stay_links_without_a_note() {
    let tree = tree(&[("index.js", "1")]);
    link(&tree, "/tmp/a-directory-that-the-function-makes", "cache");
    link(&tree, "/opt/nodejs/node_modules", "layer");
    link(&tree, "/dev/null", "null");
    link(&tree, "/var/task/index.js", "task");
    for links in [Links::Preserve, Links::External] {
        let (names, notes) = packaged(&tree, &Selection { links, ..Selection::default() });
        assert_eq!(notes, []);
        assert_eq!(names, ["cache", "index.js", "layer", "null", "task"]);
    }
}

#[test]
fn a_link_gives_way_to_what_the_stanza_names_below_it() {
    let tree = tree(&[("shared/x.js", "1"), ("shared/y.js", "2"), ("dist/index.js", "3")]);
    link(&tree, "../shared", "dist/lib");
    link(&tree, "../shared", "dist/lib-2");
    let named = |paths| packaged(&tree, &Selection { paths, ..Selection::default() }).0;
    let both = ["dist/index.js", "dist/lib-2", "dist/lib/x.js", "dist/lib/y.js"];
    assert_eq!(named(strings(["dist", "dist/lib"])), both);
    assert_eq!(named(strings(["dist/lib/", "dist/"])), both);
    assert_eq!(named(strings(["dist", "dist/lib/x.js"])), both[..3]);
    assert_eq!(named(strings(["dist", "shared"]))[..3], ["dist/index.js", "dist/lib", "dist/lib-2"]);
}

#[test]
fn a_link_is_judged_by_what_is_packaged() {
    let tree = tree(&[
        ("index.js", "1"),
        ("lib/a.js", "2"),
        ("node_modules/.pnpm/left@1/node_modules/left/index.js", "3"),
        ("node_modules/.pnpm/right@1/node_modules/right/index.js", "4"),
    ]);
    link(&tree, "lib/a.js", "b.js");
    link(&tree, "b.js", "c.js");
    link(&tree, ".pnpm/left@1/node_modules/left", "node_modules/left");
    link(&tree, ".pnpm/right@1/node_modules/right", "node_modules/right");
    let with = |links, dot_match| {
        let exclude = strings(["/lib/"]);
        packaged(&tree, &Selection { links, dot_match, exclude, ..Selection::default() })
    };
    let left_out = [
        dangles("b.js", "lib/a.js", DanglingReason::LeftOut),
        dangles("c.js", "b.js", DanglingReason::LeftOut),
    ];
    let hidden = DanglingReason::Hidden { more: 1 };
    let left = dangles("node_modules/left", ".pnpm/left@1/node_modules/left", hidden);
    let store = PackageNote::HiddenCode { name: "node_modules/.pnpm".to_owned(), more: 0 };
    let (kept, notes) = with(Links::Preserve, false);
    assert_eq!(kept, ["b.js", "c.js", "index.js", "node_modules/left", "node_modules/right"]);
    assert_eq!(notes, [&left_out[..], &[left, store]].concat());
    assert_eq!(with(Links::Preserve, true).1, left_out);
    let (external, notes) = with(Links::External, false);
    let packages = ["node_modules/left/index.js", "node_modules/right/index.js"];
    assert_eq!(external, [&["b.js", "c.js", "index.js"][..], &packages].concat());
    assert_eq!(notes, []);
    let all = Selection { links: Links::External, ..Selection::default() };
    let mut zip = opened(&select(tree.path(), &all).unwrap());
    assert!(zip.by_name("b.js").unwrap().is_symlink(), "its target is packaged");
}
