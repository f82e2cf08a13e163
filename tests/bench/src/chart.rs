//! The chart: how much of each target is used, and what a signature costs whom. Readable on light and dark.

use std::fmt::Write as _;

use crate::report::{Kind, Row, Target};

const WIDTH: f64 = 900.0;
/// Where bars begin, and how long they may be.
const LEFT: f64 = 380.0;
const SPAN: f64 = 330.0;
const LINE: f64 = 22.0;
/// The target's place on the first scale, which ends at 1.5 times the target.
const SCALE: f64 = 1.5;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-size:16px;font-weight:600}\
    .dim{fill:#57606a}.met{fill:#2da44e}.missed{fill:#cf222e}.peer{fill:#8c959f}.ours{fill:#0969da}\
    .floor{fill:#bf8700}.line{stroke:#57606a;stroke-dasharray:4 3}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.dim{fill:#9198a1}.met{fill:#3fb950}.missed{fill:#f85149}\
    .peer{fill:#656c76}.ours{fill:#58a6ff}.floor{fill:#d29922}.line{stroke:#9198a1}}";

/// The whole picture.
pub fn draw(rows: &[Row]) -> String {
    let mut body = String::new();
    let mut y = 30.0;
    targets(rows, &mut body, &mut y);
    y += 26.0;
    signatures(rows, &mut body, &mut y);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" width=\"{WIDTH}\" height=\"{y}\" \
         role=\"img\" aria-label=\"Figures against their targets, and the time of one signature\">\n\
         <style>{STYLE}</style>\n{body}</svg>\n"
    )
}

fn targets(rows: &[Row], body: &mut String, y: &mut f64) {
    title(body, *y, "How much of each target is used", "shorter is better; the dashed line is the target");
    *y += 14.0;
    let top = *y;
    for row in rows {
        let Some(target) = row.target else { continue };
        let value = row.ratio.unwrap_or(row.ours.median);
        let used = match target {
            Target::AtMost(most) => value / most,
            Target::AtLeast(least) => least / value,
        };
        let label = if row.kind == Kind::Faster {
            format!("{}, and {}", row.what, row.against)
        } else {
            row.what.clone()
        };
        let figure = match row.ratio {
            Some(_) => row.ratio_text(),
            None => row.unit.text(row.ours.median),
        };
        let class = if row.met == Some(true) { "met" } else { "missed" };
        let text = format!("{figure} ({})", row.target_text());
        bar(body, y, class, &label, used.clamp(0.004, SCALE) / SCALE, &text);
    }
    let x = LEFT + SPAN / SCALE;
    let _ = writeln!(body, "<line class=\"line\" x1=\"{x}\" y1=\"{top}\" x2=\"{x}\" y2=\"{}\"/>", *y - 4.0);
}

/// Bars on a logarithmic scale from 100 ns to 1 ms.
fn signatures(rows: &[Row], body: &mut String, y: &mut f64) {
    let share = |nanoseconds: f64| ((nanoseconds.log10() - 2.0) / 4.0).clamp(0.004, 1.0);
    for ours in ["OSS V4 presigned PUT", "COS presigned PUT", "TC3 Authorization"] {
        let of_it: Vec<&Row> = rows.iter().filter(|row| row.what == ours && row.theirs.is_some()).collect();
        let Some(first) = of_it.first() else { continue };
        title(body, *y, &format!("One {ours}"), "time, logarithmic; shorter is better");
        *y += 14.0;
        let mut bars = vec![("ours", "Upload Grants".to_owned(), first.ours.median)];
        for row in &of_it {
            let class = if row.kind == Kind::Times { "floor" } else { "peer" };
            bars.extend(row.theirs.map(|theirs| (class, row.against.clone(), theirs.median)));
        }
        bars.sort_by(|a, b| a.2.total_cmp(&b.2));
        for (class, name, time) in bars {
            bar(body, y, class, &name, share(time), &first.unit.text(time));
        }
        *y += 26.0;
    }
}

fn title(body: &mut String, y: f64, text: &str, hint: &str) {
    let _ = writeln!(
        body,
        "<text class=\"title\" x=\"16\" y=\"{y}\">{}</text><text class=\"dim\" x=\"{LEFT}\" y=\"{y}\">{}</text>",
        escaped(text),
        escaped(hint)
    );
}

fn bar(body: &mut String, y: &mut f64, class: &str, label: &str, share: f64, text: &str) {
    let (width, middle) = (SPAN * share, *y + 12.0);
    let _ = writeln!(
        body,
        "<text x=\"16\" y=\"{middle}\">{}</text><rect class=\"{class}\" x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" \
         height=\"15\" rx=\"2\"/><text class=\"dim\" x=\"{:.1}\" y=\"{middle}\">{}</text>",
        escaped(label),
        LEFT + width + 8.0,
        escaped(text)
    );
    *y += LINE;
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
