//! What a target's own metrics say of its load.

/// A back end's report of itself; what it does not tell is `None`. Sources: vLLM (`vllm:num_requests_waiting`, `vllm:num_requests_running`,
/// `vllm:kv_cache_usage_perc`), SGLang (`sglang:num_queue_reqs`, `sglang:num_running_reqs`, `sglang:token_usage`), llama.cpp
/// (`llamacpp:requests_deferred`, `llamacpp:requests_processing`), TGI (`tgi_queue_size`, `tgi_batch_current_size`), DCGM (`DCGM_FI_DEV_GPU_UTIL`).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// Requests that wait.
    pub queue: Option<u32>,
    /// Requests that run.
    pub running: Option<u32>,
    /// Share of the KV cache in use, 0 to 1.
    pub kv_cache: Option<f32>,
    /// Share of the GPU in use, 0 to 1.
    pub gpu: Option<f32>,
}

/// From this share of the KV cache on, requests are pushed out of it soon.
const CROWDED: f32 = 0.8;

impl Report {
    /// Requests, waiting ones counted twice as they also make others wait.
    pub(crate) fn requests(&self) -> f32 {
        self.queue.unwrap_or(0) as f32 * 2.0 + self.running.unwrap_or(0) as f32
    }

    /// By how much each request weighs more for what else is scarce: up to 3 for a full cache, up to a fifth for a busy GPU.
    pub(crate) fn strain(&self) -> f32 {
        let share = |told: Option<f32>| told.filter(|share| share.is_finite()).unwrap_or(0.0).clamp(0.0, 1.0);
        let crowd = (share(self.kv_cache) - CROWDED).max(0.0) / (1.0 - CROWDED);
        1.0 + crowd * 2.0 + share(self.gpu) * 0.2
    }
}
