//! Finds the last release of several functions in what the descriptions of their aliases record.
//! Never decides what to do about it.

use super::{AliasHistory, ReleaseMark};

/// An alias of a function in a release, and what is known of it when the release begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReleaseAlias {
    /// Function and alias, such as `users:live`.
    pub name: String,
    /// The version at which it points. Empty: it does not exist.
    pub version: String,
    pub history: AliasHistory,
    /// True if a share of its traffic goes to another version.
    pub is_shifting: bool,
    /// True if the release moves or creates it.
    pub moves: bool,
}

impl ReleaseAlias {
    fn was_moved_by(&self, name: &str, number: u64) -> bool {
        self.history.releases(&self.version, name).contains(&number)
    }
}

/// The last release of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastRelease {
    pub name: String,
    /// Its number among the releases of this name, from 1.
    pub number: u64,
    /// The alias that it moves last, such as `users:live`, and that it has not moved: it was killed, or still
    /// goes live. `None`: it has ended, or that alias is not among the aliases of this run.
    pub unmoved: Option<String>,
    /// True if it created each alias that it moved, so that none has an earlier version.
    pub creates_all: bool,
}

impl LastRelease {
    /// The last release `name`, as these aliases record it. `None`: they record none.
    pub(crate) fn of(name: &str, aliases: &[ReleaseAlias]) -> Option<Self> {
        let numbers = aliases.iter().flat_map(|alias| alias.history.releases(&alias.version, name));
        let number = numbers.max()?;
        let moved = || aliases.iter().filter(move |alias| alias.was_moved_by(name, number));
        // Functions in several regions can have one name. One that was moved is enough, also if someone else
        // has moved it on.
        let is_unmoved = |last: &&str| {
            let mut named = aliases.iter().filter(|alias| alias.name == *last).peekable();
            named.peek().is_some() && !named.any(|alias| alias.history.records_release(name, number))
        };
        let unmoved = moved().filter_map(|alias| alias.history.last_of_release()).find(is_unmoved);
        let unmoved = unmoved.map(str::to_owned);
        let has_earlier = |alias: &ReleaseAlias| {
            let earlier = alias.history.before_release(&alias.version, name, number);
            earlier.is_some_and(|earlier| !earlier.is_empty())
        };
        let creates_all = !aliases.iter().any(has_earlier);
        Some(LastRelease { name: name.to_owned(), number, unmoved, creates_all })
    }

    /// True if a rollback of the release moves an alias that is at `version` and has this history: the
    /// release moved it from an earlier version.
    pub(crate) fn takes_back(&self, version: &str, history: &AliasHistory) -> bool {
        let earlier = history.before_release(version, &self.name, self.number);
        earlier.is_some_and(|earlier| self.creates_all || !earlier.is_empty())
    }

    /// True if it has moved or created an alias that is at `version` and has this history.
    pub(crate) fn has_moved(&self, version: &str, history: &AliasHistory) -> bool {
        history.releases(version, &self.name).contains(&self.number)
    }
}

impl ReleaseMark {
    /// The mark of a release `name` that moves some of these aliases, in their order. A release that ends an
    /// earlier one has its number, so that both are one.
    pub(crate) fn of(name: &str, last: Option<&LastRelease>, aliases: &[ReleaseAlias]) -> Self {
        let number = match last {
            Some(last) if last.unmoved.is_some() => last.number,
            Some(last) => last.number.saturating_add(1),
            None => 1,
        };
        let last = aliases.iter().rfind(|alias| alias.moves).map(|alias| alias.name.clone());
        ReleaseMark { name: name.to_owned(), number, last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Aliases with their versions and descriptions. A name that begins with `+` is one that moves.
    fn aliases(rows: &[(&str, &str, &str)]) -> Vec<ReleaseAlias> {
        let alias = |(name, version, description): &(&str, &str, &str)| ReleaseAlias {
            name: name.trim_start_matches('+').to_owned(),
            version: (*version).to_owned(),
            history: AliasHistory::of(description),
            is_shifting: false,
            moves: name.starts_with('+'),
        };
        rows.iter().map(alias).collect()
    }

    /// The number of a release, and the name of an alias.
    type Numbered = (u64, Option<String>);

    /// The number of the last release `shop` and the alias that it has not moved, then the number of the next
    /// release and the alias that it moves last.
    fn found(rows: &[(&str, &str, &str)]) -> (Option<Numbered>, Numbered) {
        let aliases = aliases(rows);
        let last = LastRelease::of("shop", &aliases);
        let mark = ReleaseMark::of("shop", last.as_ref(), &aliases);
        (last.map(|last| (last.number, last.unmoved)), (mark.number, mark.last))
    }

    fn name(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn each_release_has_the_next_number() {
        let first =
            found(&[("+a:live", "1", "(at 1, before: none)"), ("+b:live", "", ""), ("c:live", "3", "x")]);
        assert_eq!(first, (None, (1, name("b:live"))));
        let both = "(at 2 #1, before: 1, release: shop, last: b:live)";
        let second = found(&[("+a:live", "2", both), ("b:live", "2", both)]);
        assert_eq!(second, (Some((1, None)), (2, name("a:live"))));
        // Numbers of other releases, and of another version, do not count.
        let other = "(at 2 #7, before: 1, release: blog)";
        let third = found(&[("a:live", "3", both), ("b:live", "2", other)]);
        assert_eq!(third, (None, (1, None)));
        let most = "(at 2 #18446744073709551615, before: 1, release: shop)";
        assert_eq!(found(&[("+a:live", "2", most)]).1, (u64::MAX, name("a:live")));
    }

    #[test]
    fn a_release_has_not_ended_if_the_alias_that_it_moves_last_has_not_moved() {
        let moved = "(at 2 #4, before: 1 #3, release: shop, last: c:live)";
        let earlier = "(at 1 #3, before: none, release: shop, last: c:live)";
        let killed = found(&[("a:live", "2", moved), ("+b:live", "1", earlier), ("+c:live", "1", earlier)]);
        assert_eq!(killed, (Some((4, name("c:live"))), (4, name("c:live"))));
        // The number stays when the alias moves on alone.
        let alone = "(at 5, before: 2 #4, 1 #3, release: shop, last: c:live)";
        let ended = found(&[("+a:live", "2", moved), ("c:live", "5", alone)]);
        assert_eq!(ended, (Some((4, None)), (5, name("a:live"))));
        // Someone else has moved the alias on.
        let moved_on = found(&[("+a:live", "2", moved), ("c:live", "9", moved)]);
        assert_eq!(moved_on, (Some((4, None)), (5, name("a:live"))));
        // The alias that it moves last does not exist yet.
        let created = "(at 1 #4, before: none, release: shop, last: c:live)";
        let missing = found(&[("a:live", "1", created), ("+c:live", "", "")]);
        assert_eq!(missing, (Some((4, name("c:live"))), (4, name("c:live"))));
        // The stanza of the last alias is not in this run, so it is not known whether it has moved.
        assert_eq!(found(&[("+a:live", "2", moved)]).0, Some((4, None)));
        // Two functions of one name, in two regions.
        let regions = found(&[("a:live", "2", moved), ("c:live", "2", moved), ("c:live", "1", earlier)]);
        assert_eq!(regions.0, Some((4, None)));
    }

    #[test]
    fn a_rollback_takes_back_what_the_release_moved_from_an_earlier_version() {
        let created = "(at 1 #4, before: none, release: shop)";
        let rows = [
            ("a:live", "2", "(at 2 #4, before: 1 #3, release: shop)"),
            ("b:live", "1", created),
            ("c:live", "1", "(at 1 #3, before: none, release: shop)"),
            ("d:live", "5", "(at 5, before: 2 #4, 1, release: shop)"),
            ("e:live", "5", "(at 5, before: 4)"),
        ];
        let aliases = aliases(&rows);
        let last = LastRelease::of("shop", &aliases).expect("a release");
        let taken =
            |last: &LastRelease, alias: &ReleaseAlias| last.takes_back(&alias.version, &alias.history);
        let back: Vec<bool> = aliases.iter().map(|alias| taken(&last, alias)).collect();
        assert_eq!(back, [true, false, false, true, false]);
        // The first release has no earlier version, which a rollback must report.
        let first = self::aliases(&[("a:live", "1", created), ("b:live", "1", created)]);
        let last = LastRelease::of("shop", &first).expect("a release");
        assert!(first.iter().all(|alias| taken(&last, alias)));
    }
}
