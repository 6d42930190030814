//! Metrics as the back ends write them.

use super::*;

fn read(text: &str) -> Report {
    read_metrics(text.as_bytes())
}

#[test]
fn vllm() {
    let text = r#"# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a}\"b"} 8.0
vllm:num_requests_running{engine="1",model_name="m"} 4.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="m"} 3.0
vllm:num_requests_waiting_by_reason{engine="0",reason="x"} 99.0
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.5
vllm:request_success_total{finished_reason="stop"} 12.0
"#;
    assert_eq!(read(text), Report { queue: Some(3), running: Some(12), kv_cache: Some(0.5), gpu: None });
    assert_eq!(read("vllm:gpu_cache_usage_perc 0.75").kv_cache, Some(0.75));
}

#[test]
fn sglang() {
    let text = "sglang:num_running_reqs{model_name=\"m\"} 161.0\nsglang:num_queue_reqs{model_name=\"m\"} 2826.0\r\n\
                sglang:token_usage{model_name=\"m\"} 0.28\n";
    assert_eq!(read(text), Report { queue: Some(2826), running: Some(161), kv_cache: Some(0.28), gpu: None });
}

#[test]
fn llama_cpp() {
    let text = "# HELP llamacpp:requests_processing Number of requests processing.\n\
                # TYPE llamacpp:requests_processing gauge\nllamacpp:requests_processing 1\n\
                llamacpp:requests_deferred 7\nllamacpp:n_decode_total 42\n";
    assert_eq!(read(text), Report { queue: Some(7), running: Some(1), kv_cache: None, gpu: None });
}

#[test]
fn tgi() {
    let text = "# TYPE tgi_queue_size gauge\ntgi_queue_size 5\n\n# TYPE tgi_batch_current_size gauge\n\
                tgi_batch_current_size 16\ntgi_request_count 3\n";
    assert_eq!(read(text), Report { queue: Some(5), running: Some(16), kv_cache: None, gpu: None });
}

#[test]
fn dcgm() {
    let text = "DCGM_FI_DEV_GPU_UTIL{gpu=\"0\",UUID=\"GPU-1\"} 100 1700000000000\nDCGM_FI_DEV_GPU_UTIL{gpu=\"1\"} 50\n";
    assert_eq!(read(text).gpu, Some(0.75));
}

#[test]
fn garbage_is_no_report() {
    for text in [
        "",
        "tgi_queue_size",
        "tgi_queue_size NaN",
        "tgi_queue_size -1",
        "tgi_queue_size +Inf",
        "tgi_queue_size{a=\"b",
        "tgi_queue_size{a=\"b\\\"} 3",
        "# tgi_queue_size 3",
        "<html>tgi_queue_size 3</html>",
    ] {
        assert_eq!(read(text), Report::default(), "{text}");
    }
    assert_eq!(read("tgi_queue_size 1e300").queue, Some(u32::MAX));
    read_metrics(b"tgi_queue_size{\xff} \xff\n\xff");
}

proptest::proptest! {
    #[test]
    fn what_is_written_is_read(
        queue in 0u32..100_000,
        running in 0u32..100_000,
        label in "[ -~]{0,20}",
        noise in proptest::collection::vec("[ -~]{0,40}", 0..5),
    ) {
        let label = label.replace('\\', "\\\\").replace('"', "\\\"");
        let mut lines: Vec<String> = noise.iter().map(|line| format!("# {line}")).collect();
        lines.push(format!("vllm:num_requests_waiting{{m=\"{label}\"}} {queue}.0"));
        lines.push(format!("vllm:num_requests_running{{m=\"{label}\"}} {running} 1700000000"));
        let report = read(&lines.join("\n"));
        proptest::prop_assert_eq!((report.queue, report.running), (Some(queue), Some(running)));
    }

    #[test]
    fn nothing_makes_it_fail(bytes: Vec<u8>) {
        read_metrics(&bytes);
    }
}
