//! `bench [quick]`: measures everything, prints the table, writes it as JSON and as a chart. Run by `./run`.

mod chart;
mod counts;
mod lambda;
mod load;
mod process;
mod queue;
mod report;
mod rounds;
mod runtime_api;
mod sdks;
mod server;
mod sign;
mod spaces;
mod start;
mod world;

use std::path::Path;

use crate::report::Row;
use crate::world::World;

fn main() -> std::io::Result<()> {
    let quick = std::env::args().nth(1).as_deref() == Some("quick");
    let only = std::env::args().nth(2);
    let world = World::new(quick);
    let parts: [(&str, fn(&World) -> Vec<Row>); 8] = [
        ("signing", sign::rows),
        ("sdks", sdks::rows),
        ("start", start::rows),
        ("counts", counts::rows),
        ("lambda", lambda::rows),
        ("server", server::rows),
        ("spaces", spaces::rows),
        ("queue", queue::rows),
    ];
    let mut rows = Vec::new();
    for (name, measure) in
        parts.into_iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name))
    {
        eprintln!("measuring: {name}");
        rows.extend(measure(&world));
    }
    report::print(&rows);
    // A few rounds are no result: they are not kept where the README looks.
    let folder =
        if quick || only.is_some() { world.file("") } else { Path::new("tests/bench/results").to_owned() };
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("results.json"), serde_json::to_string_pretty(&rows)? + "\n")?;
    std::fs::write(folder.join("chart.svg"), chart::draw(&rows))?;
    println!("written: {0}/results.json, {0}/chart.svg", folder.display());
    Ok(())
}
