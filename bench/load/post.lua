-- wrk: one chat completion of about 1 KB, again and again. BEARER is the key. Prints one JSON line
-- with latencies in microseconds; every answer that is not a success counts as failed.
local words = string.rep("The quick brown fox jumps over the lazy dog. ", 20)
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. (os.getenv("BEARER") or "bench")
wrk.body = '{"model":"sim","messages":[{"role":"system","content":"Answer briefly."},' ..
           '{"role":"user","content":"' .. words .. '"}]}'

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"seconds":%.6f,"p50":%.1f,"p99":%.1f,"max":%.1f,"failed":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    latency.max, e.status + e.connect + e.read + e.write + e.timeout))
end
