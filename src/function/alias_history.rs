//! Reads an alias's history from its description, and writes it there. Never loses text that other people or
//! tools wrote into a description, unless the stanza has another one.

use std::iter;

/// The previous versions of an alias, stored at the end of its description: `for the shop (at 7, before: 5,
/// 3)`. AWS keeps no such history. Version numbers do not replace it, because a version that failed
/// verification may lie between two that passed. While this program shifts traffic, the description also
/// names the target: `(at 7, to 8, before: 5, 3)`. So weights that the description does not name were set by
/// someone else. While CodeDeploy shifts it for this program: `(at 7, codedeploy to 8, before: 5, 3)`.
/// CodeDeploy keeps the description when it moves the alias to version 8, whose previous versions are then 7,
/// 5 and 3.
///
/// A release of several functions adds its number to the version to which it moves the alias, and its name:
/// `(at 7 #4, before: 5 #3, 3, release: shop, last: users:live)`. Release 4 of `shop` has moved the alias to
/// version 7, and release 3 to version 5. The alias `users:live` is the one that release 4 moves last: if it
/// lacks number 4, the release has not ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AliasHistory {
    /// Text before the history: that of the stanza, or of other people and tools.
    text: String,
    /// The alias's version when the history was written, and its previous versions, latest first. `None`: the
    /// description has no history.
    recorded: Option<(HistoryEntry, Vec<HistoryEntry>)>,
    /// The release whose numbers are in `recorded`. `None`: there are no numbers.
    release: Option<NamedRelease>,
    /// The alias's version when a shift began, and the version that gets a share of its traffic. `None`: this
    /// program shifts no traffic.
    shift: Option<(String, String)>,
    /// The shift that CodeDeploy was to carry out. `None`: there is none.
    codedeploy: Option<Box<CodeDeployShift>>,
}

/// A version at which an alias points, or pointed before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct HistoryEntry {
    /// The version. Empty: the alias is about to move there.
    version: String,
    /// Number of the release that moved the alias there. `None`: it was no release of several functions.
    release: Option<u64>,
}

/// The release that the numbers of a history belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NamedRelease {
    name: String,
    /// The alias that the newest of these releases moves last, such as `users:live`. `None`: it is unknown.
    last: Option<String>,
}

/// What a release of several functions writes into the description of each alias that it moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReleaseMark {
    pub name: String,
    /// Its number among the releases of this name, from 1.
    pub number: u64,
    /// The alias that it moves last, such as `users:live`. `None`: it moves none.
    pub last: Option<String>,
}

/// A shift of an alias by CodeDeploy.
#[derive(Clone, Debug, PartialEq, Eq)]
struct CodeDeployShift {
    /// The alias's version when the shift began.
    from: String,
    /// The version to which CodeDeploy moves the alias.
    to: String,
    /// The previous versions of an alias that CodeDeploy has moved to `to`, latest first.
    before: Vec<HistoryEntry>,
}

/// How much of a release a description names, if there is not enough space for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Whole,
    WithoutLast,
    Nothing,
}

/// AWS's limit for a description, in characters.
const MAX_DESCRIPTION_CHARS: usize = 256;

/// The history contains at most this many previous versions.
const MAX_PREVIOUS_VERSIONS: usize = 10;

/// Names the target of a shift that CodeDeploy carries out.
const CODEDEPLOY_TO: &str = ", codedeploy to ";

/// Comes before the name of the release.
const RELEASE: &str = ", release: ";

/// Comes before the alias that the release moves last.
const LAST: &str = ", last: ";

impl HistoryEntry {
    fn of(version: &str, release: Option<u64>) -> Self {
        HistoryEntry { version: version.to_owned(), release }
    }

    /// Reads `7` or `7 #4`. `None`: the text is something else.
    fn parse(text: &str) -> Option<Self> {
        let (version, release) = match text.split_once(" #") {
            Some((version, number)) => (version, Some(number.parse::<u64>().ok()?)),
            None => (text, None),
        };
        version.parse::<u64>().is_ok().then(|| HistoryEntry::of(version, release))
    }
}

impl AliasHistory {
    /// Reads the history from a description. A description in another form is kept as text.
    pub(crate) fn of(description: &str) -> Self {
        let unknown = || AliasHistory { text: description.to_owned(), ..AliasHistory::default() };
        AliasHistory::parse(description).unwrap_or_else(unknown)
    }

    /// `None`: the description has another form.
    fn parse(description: &str) -> Option<Self> {
        let (text, inside) = description.strip_suffix(')')?.rsplit_once("(at ")?;
        let (inside, release) = match inside.split_once(RELEASE) {
            Some((inside, release)) => {
                let (name, last) = match release.split_once(LAST) {
                    Some((name, last)) => (name, Some(last.to_owned())),
                    None => (release, None),
                };
                (inside, Some(NamedRelease { name: name.to_owned(), last }))
            }
            None => (inside, None),
        };
        let (places, before) = match inside.split_once(", before: ") {
            Some((places, "none")) => (places, Some(Vec::new())),
            Some((places, before)) => {
                let before: Option<Vec<_>> = before.split(", ").map(HistoryEntry::parse).collect();
                (places, Some(before?))
            }
            None => (inside, None),
        };
        let (at, to, by_codedeploy) = match (places.split_once(", to "), places.split_once(CODEDEPLOY_TO)) {
            (Some((at, to)), _) => (at, Some(to), false),
            (None, Some((at, to))) => (at, Some(to), true),
            (None, None) => (places, None, false),
        };
        let at = HistoryEntry::parse(at)?;
        let is_numbered = before.iter().flatten().chain([&at]).any(|entry| entry.release.is_some());
        let is_ours = match &before {
            Some(_) => is_numbered == release.is_some(),
            None => to.is_some() && !is_numbered && release.is_none(),
        };
        if !is_ours || to.is_some_and(|to| to.parse::<u64>().is_err()) {
            return None;
        }
        let version = at.version.clone();
        let (text, recorded) = (text.trim_end().to_owned(), before.map(|before| (at, before)));
        let history = AliasHistory { text, recorded, release, ..AliasHistory::default() };
        Some(match to {
            Some(to) if by_codedeploy => history.with_codedeploy(&version, to),
            to => history.with_shift(&version, to),
        })
    }

    /// The history of a new alias.
    pub(crate) fn new() -> Self {
        AliasHistory { recorded: Some((HistoryEntry::default(), Vec::new())), ..AliasHistory::default() }
    }

    /// The release that moved an alias to `version`, at which it is, and the entries before that, latest
    /// first. `None`: they are unknown, because someone else moved the alias to `version`.
    fn entries(&self, version: &str) -> Option<(Option<u64>, &[HistoryEntry])> {
        let recorded = self.recorded.as_ref().filter(|(at, _)| at.version == version);
        let recorded = recorded.map(|(at, before)| (at.release, before.as_slice()));
        let moved = self.codedeploy.as_ref().filter(|shift| shift.to == version);
        recorded.or(moved.map(|shift| (None, shift.before.as_slice())))
    }

    #[must_use]
    pub(crate) fn with_text(&self, text: &str) -> Self {
        AliasHistory { text: text.to_owned(), ..self.clone() }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The previous versions of an alias that is at `version`, latest first. `None`: they are unknown,
    /// because someone else moved the alias to `version`.
    pub(crate) fn before(&self, version: &str) -> Option<Vec<&str>> {
        let (_, before) = self.entries(version)?;
        Some(before.iter().map(|entry| entry.version.as_str()).collect())
    }

    /// The entries of the history before `version`, at which an alias is, latest first. If someone else has
    /// moved it there, those behind that version, or else those of older versions.
    fn entries_before(&self, version: &str) -> Vec<&HistoryEntry> {
        if let Some((_, before)) = self.entries(version) {
            return before.iter().collect();
        }
        let known = self.recorded.iter().flat_map(|(at, before)| iter::once(at).chain(before));
        let known: Vec<&HistoryEntry> = known.collect();
        let number = |version: &str| version.parse::<u64>().ok();
        match known.iter().position(|entry| entry.version == version) {
            Some(index) => known[index + 1..].to_vec(),
            None => known.into_iter().filter(|entry| number(&entry.version) < number(version)).collect(),
        }
    }

    /// The versions to which an alias that is at `version` can be rolled back, latest first, also if someone
    /// else has moved it there. Empty: the history has none.
    pub(crate) fn versions_before(&self, version: &str) -> Vec<&str> {
        self.entries_before(version).into_iter().map(|entry| entry.version.as_str()).collect()
    }

    /// The numbers of the releases `name` in the history of an alias that is at `version`, latest first.
    pub(crate) fn releases(&self, version: &str, name: &str) -> Vec<u64> {
        if self.release.as_ref().is_none_or(|release| release.name != name) {
            return Vec::new();
        }
        let Some((at, before)) = self.entries(version) else { return Vec::new() };
        iter::once(at).chain(before.iter().map(|entry| entry.release)).flatten().collect()
    }

    /// True if release `number` of this name is in the history, also if someone else has moved the alias
    /// since.
    pub(crate) fn records_release(&self, name: &str, number: u64) -> bool {
        let at = self.recorded.as_ref().map(|(at, _)| at.version.as_str());
        at.is_some_and(|at| self.releases(at, name).contains(&number))
    }

    /// The versions of an alias that is at `version`, latest first, from before it was moved by release
    /// `number` of this name. `None`: that release did not move it, as far as the history says.
    pub(crate) fn before_release(&self, version: &str, name: &str, number: u64) -> Option<Vec<&str>> {
        if !self.releases(version, name).contains(&number) {
            return None;
        }
        let (_, before) = self.entries(version)?;
        let moved = before.iter().rposition(|entry| entry.release == Some(number));
        let earlier = before.iter().skip(moved.map_or(0, |index| index + 1));
        Some(earlier.map(|entry| entry.version.as_str()).collect())
    }

    /// The versions of an alias that is at `version`, latest first, from before it was moved by the newest
    /// release of several functions. `None`: no such release is in the history.
    pub(crate) fn before_newest_release(&self, version: &str) -> Option<Vec<&str>> {
        let name = &self.release.as_ref()?.name;
        let newest = self.releases(version, name).into_iter().max()?;
        self.before_release(version, name, newest)
    }

    /// The alias that the newest release in the history moves last, such as `users:live`. `None`: it is
    /// unknown.
    pub(crate) fn last_of_release(&self) -> Option<&str> {
        self.release.as_ref()?.last.as_deref()
    }

    /// The version to which this program shifts traffic of an alias that is at `version`. `None`: it shifts
    /// none.
    pub(crate) fn shift(&self, version: &str) -> Option<&str> {
        self.shift.as_ref().filter(|(at, _)| at == version).map(|(_, to)| to.as_str())
    }

    /// The version to which CodeDeploy was to shift an alias that is at `version`. `None`: to none.
    pub(crate) fn codedeploy_shift(&self, version: &str) -> Option<&str> {
        self.codedeploy.as_ref().filter(|shift| shift.from == version).map(|shift| shift.to.as_str())
    }

    /// True if the history records that CodeDeploy moved the alias to `version`, or is doing so.
    pub(crate) fn is_codedeploy_target(&self, version: &str) -> bool {
        self.codedeploy.as_ref().is_some_and(|shift| shift.to == version)
    }

    /// The history of an alias that stays at `version` and sends a share of its traffic to `to`. `None` ends
    /// the shift, also one by CodeDeploy.
    #[must_use]
    pub(crate) fn with_shift(&self, version: &str, to: Option<&str>) -> Self {
        let shift = to.map(|to| (version.to_owned(), to.to_owned()));
        let stays = match self.entries(version) {
            Some((number, before)) => self.with_entries(HistoryEntry::of(version, number), before.to_vec()),
            None => AliasHistory { text: self.text.clone(), ..AliasHistory::default() },
        };
        AliasHistory { shift, ..stays }
    }

    /// True if the description of an alias at `version` has space for the record of a shift to a later
    /// version.
    pub(crate) fn can_record_shift(&self, version: &str) -> bool {
        let later = "9".repeat(version.len() + 1);
        self.with_shift(version, Some(&later)).to_description(version).is_some()
    }

    /// True if the description of an alias has space for the mark of a release `name` that moves it from
    /// `version` to a later one.
    pub(crate) fn can_record_release(&self, version: &str, name: &str) -> bool {
        let later = "9".repeat(version.len() + 1);
        let mark = ReleaseMark { name: name.to_owned(), number: 999, last: None };
        let description = self.moved_from(version).marked(&mark).to_description(&later);
        description.is_some_and(|description| AliasHistory::of(&description).release.is_some())
    }

    /// The history of an alias that is at `version` and that CodeDeploy shifts to `to`.
    #[must_use]
    pub(crate) fn with_codedeploy(&self, version: &str, to: &str) -> Self {
        let before = self.moved_from(version).recorded.map(|(_, before)| before).unwrap_or_default();
        let shift = CodeDeployShift { from: version.to_owned(), to: to.to_owned(), before };
        AliasHistory { codedeploy: Some(Box::new(shift)), ..self.with_shift(version, None) }
    }

    /// The history of an alias that moves from `version` to another one.
    #[must_use]
    pub(crate) fn moved_from(&self, version: &str) -> Self {
        let (number, earlier) = self.entries(version).unwrap_or_default();
        let last = version.parse::<u64>().is_ok().then(|| HistoryEntry::of(version, number));
        let before = last.into_iter().chain(earlier.iter().cloned()).collect();
        self.with_entries(HistoryEntry::default(), before)
    }

    /// The history of an alias that a release moves, in place of one that a deployment of one function moves.
    #[must_use]
    pub(crate) fn marked(&self, mark: &ReleaseMark) -> Self {
        let mut history = self.clone();
        let is_of_other = self.release.as_ref().is_some_and(|release| release.name != mark.name);
        if let Some((at, before)) = &mut history.recorded {
            if is_of_other {
                before.iter_mut().for_each(|entry| entry.release = None);
            }
            at.release = Some(mark.number);
            history.release = Some(NamedRelease { name: mark.name.clone(), last: mark.last.clone() });
        }
        history
    }

    /// The history of an alias that stays where it is, and that belongs to a release which moves `last` last.
    #[must_use]
    pub(crate) fn with_last_of_release(&self, last: Option<&str>) -> Self {
        let release = self.release.as_ref();
        let release =
            release.map(|release| NamedRelease { last: last.map(str::to_owned), ..release.clone() });
        AliasHistory { release, ..self.clone() }
    }

    /// The history of an alias that is rolled back from `version` to `target`.
    #[must_use]
    pub(crate) fn rolled_back(&self, version: &str, target: &str) -> Self {
        let mut before = self.entries_before(version).into_iter().cloned();
        match before.find(|earlier| earlier.version == target) {
            // Which alias an earlier release moved last is not known any more.
            Some(at) => {
                let at = HistoryEntry::of("", at.release);
                self.with_entries(at, before.collect()).with_last_of_release(None)
            }
            None => AliasHistory { text: self.text.clone(), ..AliasHistory::default() },
        }
    }

    /// This history with other entries. The release stays if one of them has a number.
    fn with_entries(&self, at: HistoryEntry, before: Vec<HistoryEntry>) -> Self {
        let is_numbered = before.iter().chain([&at]).any(|entry| entry.release.is_some());
        let release = self.release.clone().filter(|_| is_numbered);
        AliasHistory {
            recorded: Some((at, before)),
            release,
            text: self.text.clone(),
            ..AliasHistory::default()
        }
    }

    /// The description of an alias that nothing moves. It records the version that it recorded before, also
    /// if someone else has moved the alias since. `None`: it would exceed AWS's limit.
    pub(crate) fn unmoved_description(&self) -> Option<String> {
        let recorded = self.recorded.as_ref().map(|(at, _)| &at.version);
        let shift = self.shift.as_ref().map(|(at, _)| at);
        let at = recorded.or(shift).or(self.codedeploy.as_ref().map(|shift| &shift.from));
        self.to_description(at.map_or("", String::as_str))
    }

    /// The description of an alias with this history that is now at `version`. If it would exceed AWS's
    /// limit, it has fewer previous versions, then no release. `None`: it would exceed the limit even then.
    pub(crate) fn to_description(&self, version: &str) -> Option<String> {
        [Named::Whole, Named::WithoutLast, Named::Nothing].into_iter().find_map(|named| {
            let mut shorter = (1..=MAX_PREVIOUS_VERSIONS).rev();
            shorter.find_map(|count| {
                let description = self.description(version, named, count);
                (description.chars().count() <= MAX_DESCRIPTION_CHARS).then_some(description)
            })
        })
    }

    /// The description with at most `count` previous versions.
    fn description(&self, version: &str, named: Named, count: usize) -> String {
        let number = |entry: &HistoryEntry| match entry.release {
            Some(number) if named != Named::Nothing => format!(" #{number}"),
            Some(_) | None => String::new(),
        };
        let mut at = version.to_owned();
        let before = self.recorded.as_ref().map(|(current, before)| {
            at += &number(current);
            let before: Vec<_> = before.iter().filter(|earlier| earlier.version != version).collect();
            let kept = match named {
                Named::Whole | Named::WithoutLast => kept(&before, count),
                Named::Nothing => before.into_iter().take(count).collect(),
            };
            let before: Vec<String> =
                kept.iter().map(|earlier| format!("{}{}", earlier.version, number(earlier))).collect();
            format!(", before: {}", if before.is_empty() { "none".to_owned() } else { before.join(", ") })
        });
        let ours = self.shift.as_ref().map(|(_, to)| format!(", to {to}"));
        let to = ours.or_else(|| Some(format!("{CODEDEPLOY_TO}{}", self.codedeploy.as_ref()?.to)));
        // The entries with a number may be beyond `count`.
        let is_numbered = at.contains('#') || before.as_ref().is_some_and(|before| before.contains('#'));
        let release = self.release.as_ref().filter(|_| is_numbered).map(|release| {
            let last = release.last.as_ref().filter(|_| named == Named::Whole);
            let last = last.map(|last| format!("{LAST}{last}")).unwrap_or_default();
            format!("{RELEASE}{}{last}", release.name)
        });
        let recorded = [to, before, release].into_iter().flatten().collect::<String>();
        let end = (!recorded.is_empty()).then(|| format!("(at {at}{recorded})"));
        let parts = [Some(self.text.clone()).filter(|text| !text.is_empty()), end];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// The entries of `before` that are written if there is space for `count`: the first ones. The last two
/// places are for the newest one of a release and the one before that release, if they would be lost
/// otherwise: a release that the history does not contain looks as if it had not moved the alias.
fn kept<'a>(before: &[&'a HistoryEntry], count: usize) -> Vec<&'a HistoryEntry> {
    let newest = before.iter().position(|entry| entry.release.is_some());
    let of_release = newest.into_iter().flat_map(|newest| {
        let is_same = |entry: &&HistoryEntry| entry.release == before[newest].release;
        let earliest = before.iter().rposition(is_same).unwrap_or(newest);
        [newest, earliest + 1]
    });
    let of_release: Vec<usize> = of_release.filter(|index| *index < before.len()).collect();
    let is_lost = of_release.last().is_some_and(|last| *last >= count) && of_release.len() < count;
    let first = if is_lost { count - of_release.len() } else { count };
    let rest = of_release.into_iter().filter(|index| *index >= first);
    (0..first.min(before.len())).chain(rest).take(count).map(|index| before[index]).collect()
}

#[cfg(test)]
mod tests;
