//! The table, and the same as JSON.

use serde::Serialize;

use crate::rounds::Figure;

/// One comparison.
#[derive(Debug, Serialize)]
pub struct Row {
    pub group: &'static str,
    pub what: String,
    pub unit: Unit,
    pub ours: Figure,
    /// The floor or peer, where there is one.
    pub against: String,
    pub theirs: Option<Figure>,
    /// Ours as a multiple of theirs, or for [`Kind::Faster`] the other way round.
    pub ratio: Option<f64>,
    pub kind: Kind,
    pub target: Option<Target>,
    pub met: Option<bool>,
    /// What else was seen.
    pub note: String,
}

/// What the ratio says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Time or size: ours is so many times theirs.
    Times,
    /// Time: theirs is so many times ours.
    Faster,
    /// Throughput: ours is such a share of theirs.
    Share,
    /// A figure of ours alone.
    Alone,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    Nanoseconds,
    Milliseconds,
    Microseconds,
    PerSecond,
    MibPerSecond,
    Mib,
    Count,
}

impl Row {
    /// Ours against theirs: `ratio` is as `kind` says.
    pub fn new(group: &'static str, what: impl Into<String>, unit: Unit, ours: Figure) -> Self {
        Self {
            group,
            what: what.into(),
            unit,
            ours,
            against: String::new(),
            theirs: None,
            ratio: None,
            kind: Kind::Alone,
            target: None,
            met: None,
            note: String::new(),
        }
    }

    pub fn against(mut self, name: impl Into<String>, theirs: Figure, kind: Kind, ratio: f64) -> Self {
        self.against = name.into();
        (self.theirs, self.kind, self.ratio) = (Some(theirs), kind, Some(ratio));
        self
    }

    /// A target for the ratio, or where there is none for the figure's median.
    pub fn target(mut self, target: Target) -> Self {
        let value = self.ratio.unwrap_or(self.ours.median);
        self.target = Some(target);
        self.met = Some(match target {
            Target::AtMost(most) => value <= most,
            Target::AtLeast(least) => value >= least,
        });
        self
    }

    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// The ratio in words.
    pub fn ratio_text(&self) -> String {
        match (self.kind, self.ratio) {
            (Kind::Faster, Some(ratio)) => format!("{ratio:.1}x faster"),
            (_, Some(ratio)) => format!("{ratio:.2}x"),
            (_, None) => String::new(),
        }
    }

    /// The target in words.
    pub fn target_text(&self) -> String {
        let number = |value: f64| match self.ratio {
            Some(_) => format!("{value}x"),
            None => self.unit.text(value),
        };
        match self.target {
            Some(Target::AtMost(most)) => format!("<= {}", number(most)),
            Some(Target::AtLeast(least)) => format!(">= {}", number(least)),
            None => String::new(),
        }
    }
}

impl Unit {
    /// A figure with its unit.
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Nanoseconds if value >= 10_000.0 => format!("{:.1} us", value / 1000.0),
            Self::Nanoseconds => format!("{value:.0} ns"),
            Self::Microseconds => format!("{value:.1} us"),
            Self::Milliseconds => format!("{value:.2} ms"),
            Self::PerSecond => format!("{value:.0}/s"),
            Self::MibPerSecond => format!("{value:.0} MiB/s"),
            Self::Mib => format!("{value:.2} MiB"),
            Self::Count => format!("{value:.0}"),
        }
    }
}

/// Prints the table.
pub fn print(rows: &[Row]) {
    let heads = ["what", "ours (p5)", "against", "theirs (p5)", "ratio", "target", "met"].map(str::to_owned);
    let figure =
        |unit: Unit, figure: &Figure| format!("{} ({})", unit.text(figure.median), unit.text(figure.p5));
    let lines: Vec<[String; 7]> = rows
        .iter()
        .map(|row| {
            let met = row.met.map_or("", |met| if met { "yes" } else { "NO" });
            [
                row.what.clone(),
                figure(row.unit, &row.ours),
                row.against.clone(),
                row.theirs.map(|theirs| figure(row.unit, &theirs)).unwrap_or_default(),
                row.ratio_text(),
                row.target_text(),
                met.to_owned(),
            ]
        })
        .collect();
    let width = |column: usize| {
        lines.iter().chain([&heads]).map(|line| line[column].chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let print = |line: &[String; 7]| {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        println!("{}", cells.join("  ").trim_end());
    };
    print(&heads);
    let mut group = "";
    for (row, line) in rows.iter().zip(&lines) {
        if row.group != group {
            group = row.group;
            println!("-- {group}");
        }
        print(line);
        if !row.note.is_empty() {
            println!("     {}", row.note);
        }
    }
    let missed = rows.iter().filter(|row| row.met == Some(false)).count();
    let with_target = rows.iter().filter(|row| row.met.is_some()).count();
    println!("\n{} of {with_target} targets met", with_target - missed);
}
