//! Lines as they are read.

use super::node_line;
use crate::terminal::Terminal;
use engine_connect::arrow::digest::Digest;
use engine_language::{code, diagnostic::Diagnostic, graph::NodeId, model::CheckSeverity};
use engine_run::report::{CheckReport, Compared, Failure, NodeReport, Status, Verdict};
use std::time::Duration;

const PLAIN: Terminal =
    Terminal { colour: false, data_colour: false, live: false, asks: false, quiet: false, width: 100 };

fn report(node: NodeId, status: Status, done: &'static str) -> NodeReport {
    NodeReport {
        node,
        status,
        done,
        rows: None,
        events: None,
        rejected: 0,
        lag: None,
        bytes: 0,
        checks: vec![],
        verdict: None,
        replaced: vec![],
        operators: vec![],
        note: None,
        failure: None,
        started_us: 0,
        took: Duration::from_millis(110),
    }
}

#[test]
fn a_line_tells_word_name_facts_and_time() {
    let check =
        CheckReport { name: "x".into(), severity: CheckSeverity::Error, failing: 0, examples: vec![], span: None };
    let digest = Digest { rows: 3000, sum: 1 };
    let lines = [
        NodeReport { rows: Some(3000), ..report(NodeId::Generator("orders".into()), Status::Succeeded, "Generated") },
        NodeReport {
            rows: Some(3000),
            bytes: 319_488,
            verdict: Some(Verdict { source: digest, target: digest, compared: Compared::Target }),
            ..report(NodeId::copy("replica", "orders"), Status::Succeeded, "Replicated")
        },
        NodeReport {
            rows: Some(24),
            events: Some(25),
            rejected: 1,
            ..report(NodeId::Model("new_users".into()), Status::Succeeded, "Succeeded")
        },
        NodeReport {
            rows: Some(24),
            checks: vec![check.clone(), check.clone(), check.clone(), check],
            ..report(NodeId::Model("mart_average_check".into()), Status::Succeeded, "Succeeded")
        },
        NodeReport {
            rows: Some(800),
            note: Some("unchanged since 14:02".into()),
            ..report(NodeId::Model("mart_product_rating".into()), Status::Reused, "Succeeded")
        },
        NodeReport {
            failure: Some(Failure {
                diagnostic: Diagnostic::error(&code::E0202, None, "division by zero"),
                retry: false,
            }),
            ..report(NodeId::Model("mart_user_activity".into()), Status::Failed, "Succeeded")
        },
        NodeReport {
            note: Some("upstream mart_user_activity failed".into()),
            ..report(NodeId::Model("exec_dashboard".into()), Status::Skipped, "Succeeded")
        },
    ];
    let text: Vec<String> = lines.iter().map(|report| node_line(PLAIN, report)).collect();
    let expected = [
        "   Generated orders                     3,000 rows                                   0.11s",
        "  Replicated replica.orders             3,000 rows   312 KiB   verified              0.11s",
        "   Succeeded new_users                  25 events, 24 rows, 1 rejected               0.11s",
        "   Succeeded mart_average_check         24 rows      4 checks passed                 0.11s",
        "      Reused mart_product_rating        800 rows     unchanged since 14:02",
        "      Failed mart_user_activity         E0202 division by zero                       0.11s",
        "     Skipped exec_dashboard             upstream mart_user_activity failed",
    ];
    assert_eq!(text.join("\n"), expected.join("\n"));
}
