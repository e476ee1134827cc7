//! A page that shows a graph and opens from the disk: what `web/` is built to, with the graph's JSON in it.
//!
//! The page asks no host for anything, and its policy lets it run nothing but its own script: what stands in the graph is data.

use datlake::report::LineageGraph;

/// The page, up to where the graph stands, and from there on. CI proves that it is the build of `web/`.
const PAGE: &str = include_str!("../../../page/lineage.html");
const PLACE: &str = "/*answer*/";

pub(super) fn text(graph: &LineageGraph) -> String {
    let (before, after) = PAGE.split_once(PLACE).unwrap_or((PAGE, ""));
    // In JSON this stands in strings alone, and there it may be an escape. Without it nothing ends the element that it stands in.
    let json = serde_json::to_string(graph).unwrap_or_default().replace('<', "\\u003c");
    [before, &json, after].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_place_for_a_graph_and_a_policy_and_is_small() {
        assert_eq!(PAGE.matches(PLACE).count(), 1);
        assert!(PAGE.contains("default-src 'none'; script-src 'sha256-"), "{}", &PAGE[..500]);
        assert!(PAGE.len() <= 150 << 10, "{} bytes", PAGE.len());
        // What it would ask for is none of a host's: links to the web are data, and stand in licences.
        assert!(!PAGE.contains("src=") && !PAGE.contains("@import"));
    }

    #[test]
    fn nothing_in_a_graph_ends_its_element() {
        let page = text(&LineageGraph::default());
        assert_eq!(
            page.len(),
            PAGE.len() - PLACE.len() + serde_json::to_string(&LineageGraph::default()).unwrap().len()
        );
        assert_eq!(page.matches("</script>").count(), PAGE.matches("</script>").count());
    }
}
