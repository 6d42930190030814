//! Tests of reading exports and comparing them.

use super::*;
use crate::ledger::{Sums, UsageRow};

const DAY: i64 = 20_778;

fn line(export: &Export, day: i64, model: &str) -> Reported {
    *export.lines.get(&(day, model.to_owned())).unwrap_or_else(|| panic!("{model}: {export:?}"))
}

fn reported(requests: Option<i64>, input: Option<i64>, output: Option<i64>, cost: Option<i64>) -> Reported {
    Reported { requests, input, output, cost }
}

#[test]
fn openai_usage_and_costs_are_read() {
    let usage = r#"{"object":"page","data":[{"object":"bucket","start_time":1795219200,"end_time":1795305600,"results":[
        {"object":"organization.usage.completions.result","input_tokens":1000,"output_tokens":500,"input_cached_tokens":800,
         "num_model_requests":5,"project_id":null,"model":"gpt-4o-2024-08-06","batch":null},
        {"object":"organization.usage.embeddings.result","input_tokens":7,"num_model_requests":1,"model":"embed"}]}],
        "has_more":true,"next_page":"AAA"}
        {"object":"page","data":[],"has_more":false,"next_page":null}"#;
    let export = read(usage.as_bytes()).unwrap();
    assert!(!export.is_cut);
    assert_eq!(line(&export, DAY, "gpt-4o-2024-08-06"), reported(Some(5), Some(1_000), Some(500), None));
    assert_eq!(line(&export, DAY, "embed"), reported(Some(1), Some(7), Some(0), None));
    let costs = r#"[{"data":[{"start_time":1795219200,"results":[
        {"object":"organization.costs.result","amount":{"value":0.06,"currency":"usd"},"line_item":"gpt-4o, input"},
        {"object":"organization.costs.result","amount":{"value":1.2e-05,"currency":"usd"},"line_item":"gpt-4o, output"}]}],
        "has_more":true}]"#;
    let export = read(costs.as_bytes()).unwrap();
    assert!(export.is_cut);
    assert_eq!(line(&export, DAY, "gpt-4o"), reported(None, None, None, Some(60_012_000)));
}

#[test]
fn anthropic_usage_and_costs_are_read() {
    let usage = r#"{"data":[{"starting_at":"2026-11-21T00:00:00Z","ending_at":"2026-11-22T00:00:00Z","results":[
        {"uncached_input_tokens":1500,"cache_creation":{"ephemeral_1h_input_tokens":1000,"ephemeral_5m_input_tokens":500},
         "cache_read_input_tokens":200,"output_tokens":500,"server_tool_use":{"web_search_requests":10},"model":"claude-x"}]}],
        "has_more":false,"next_page":null}"#;
    let export = read(usage.as_bytes()).unwrap();
    assert_eq!(line(&export, DAY, "claude-x"), reported(None, Some(3_200), Some(500), None));
    let costs = r#"{"data":[{"starting_at":"2026-11-21T00:00:00Z","results":[
        {"currency":"USD","amount":"123.78912","model":"claude-x","token_type":"uncached_input_tokens"}]}],"has_more":false}"#;
    let export = read(costs.as_bytes()).unwrap();
    assert_eq!(line(&export, DAY, "claude-x"), reported(None, None, None, Some(1_237_891_200)));
}

#[test]
fn tables_are_read_whatever_their_columns_are_called() {
    let openai = "start_time,end_time,start_time_iso,num_model_requests,model,input_tokens,output_tokens,input_cached_tokens\r\n\
                  1795219200,1795305600,2026-11-21T00:00:00+00:00,5,gpt-x,1000,500,800\r\n\
                  1795305600,1795392000,2026-11-22T00:00:00+00:00,,,,,\r\n";
    let export = read(openai.as_bytes()).unwrap();
    assert_eq!(export.lines.len(), 1);
    assert_eq!(line(&export, DAY, "gpt-x"), reported(Some(5), Some(1_000), Some(500), None));
    let anthropic = "\u{feff}usage_date_utc,model_version,usage_input_tokens_no_cache,usage_input_tokens_cache_read,usage_output_tokens\n\
                     2026-11-21,claude-x,10,5,3\n2026-11-21,claude-x,1,,\n";
    let export = read(anthropic.as_bytes()).unwrap();
    assert_eq!(line(&export, DAY, "claude-x"), reported(None, Some(16), Some(3), None));
    let generic = "date;model;input_tokens;output_tokens;cost\n20261121;\"a;\"\"b\"\"\";1;2;$1,000.5\n";
    let export = read(generic.as_bytes()).unwrap();
    assert_eq!(line(&export, DAY, "a;\"b\""), reported(None, Some(1), Some(2), Some(1_000_500_000_000)));
}

#[test]
fn files_that_are_no_exports_are_refused_with_a_place() {
    for (text, part) in [
        ("", "empty"),
        ("{\"data\":1}", "page 1"),
        ("{\"data\":[{\"results\":[]}]}", "page 1, bucket 1"),
        ("{\"data\":[{\"start_time\":1,\"results\":[{}]}]}", "no amounts"),
        ("{", "no JSON"),
        ("name,value\n1,2\n", "no day among the columns name, value"),
        ("date,model\n2026-11-21,x\n", "neither tokens nor costs"),
        ("date,cost\n2026-11-21,1\nyesterday,1\n", "record 3: the day"),
        ("date,cost\n2026-11-21,much\n", "record 2: a number"),
    ] {
        let error = read(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

fn ours(day: &str, model: &str, sums: Sums) -> UsageRow {
    UsageRow { group: vec![day.into(), model.into()], sums }
}

#[test]
fn both_sides_are_compared_by_day_and_model() {
    let sums = Sums { attempts: 5, input: 1_100, output: 500, cost: 2_000, ..Sums::default() };
    let ledger = [
        ours("2026-11-21", "gpt-4o", sums),
        ours("2026-11-21", "only-ours", sums),
        ours("2026-11-21", "nowhere", Sums { requests: 3, ..Sums::default() }),
    ];
    let csv = "date,model,input_tokens,output_tokens,requests\n2026-11-21,gpt-4o-2024-08-06,1000,500,5\n2026-11-21,only-theirs,0,0,1\n";
    let export = read(csv.as_bytes()).unwrap();
    let differences = compare(&ledger, &export);
    let names: Vec<_> = differences.iter().map(|difference| difference.model.as_str()).collect();
    assert_eq!(names, ["gpt-4o", "only-ours", "only-theirs"]);
    let [both, only_ours, only_theirs] = differences.as_slice() else { panic!("{differences:?}") };
    assert_eq!((both.input.difference(), both.input.percent()), (Some(100), Some(10.0)));
    assert_eq!((both.output.difference(), both.requests.difference()), (Some(0), Some(0)));
    assert_eq!((both.cost.ours, both.cost.difference()), (Some(2_000), None));
    assert!(both.is_different());
    assert_eq!((only_ours.is_ours, only_ours.is_theirs), (true, false));
    assert_eq!((only_theirs.is_ours, only_theirs.input.percent()), (false, None));
}

#[test]
fn without_models_days_are_compared() {
    let sums = Sums { attempts: 1, cost: 500_000_000, ..Sums::default() };
    let ledger = [ours("2026-11-21", "a", sums), ours("2026-11-21", "b", sums)];
    let export = read(b"date,cost\n2026-11-21,1.0\n").unwrap();
    let differences = compare(&ledger, &export);
    assert_eq!(differences.len(), 1);
    assert!(!differences[0].is_different());
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = read(&bytes);
    }

    #[test]
    fn anything_like_a_table_is_read_or_refused(cells in r#"(date|model|cost|2026-11-21|[",;\r\n]|-?[0-9.e]{1,20}|.){0,40}"#) {
        if let Ok(export) = read(format!("date,model,input_tokens,cost\n{cells}").as_bytes()) {
            compare(&[], &export);
        }
    }

    #[test]
    fn anything_like_a_page_is_read_or_refused(
        start in "-?[0-9]{1,20}|\"[-0-9T:]{0,12}\"|null",
        result in r#"\{("(model|amount|input_tokens|uncached_input_tokens)":(1e?[0-9]{0,4}|"[0-9.]{0,9}"|\{\}|null),?){0,3}\}"#,
    ) {
        let _ = read(format!("{{\"data\":[{{\"start_time\":{start},\"results\":[{result}]}}]}}").as_bytes());
    }
}
