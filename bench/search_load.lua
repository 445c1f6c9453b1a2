-- Text queries of one to three words, drawn by seed from a list, for wrk:
--   wrk -t1 -c32 -d60s --latency -s bench/search_load.lua http://127.0.0.1:8080
-- Counts answers that are not 200.
local words = {"red", "blue", "black", "white", "green", "shirt", "shirts", "shoes", "watch", "bag", "handbag", "men",
  "women", "casual", "formal", "sports", "printed", "striped", "leather", "sandals", "jeans", "dress", "top", "kurta",
  "sunglasses", "belt", "cap", "socks", "wallet", "perfume"}
local failed = 0

function init() math.randomseed(1) end

function request()
  local text = words[math.random(#words)]
  for _ = 2, math.random(3) do text = text .. " " .. words[math.random(#words)] end
  local body = '{"text":"' .. text .. '"}'
  return wrk.format("POST", "/v1/search", {["Content-Type"] = "application/json"}, body)
end

function response(status)
  if status ~= 200 then failed = failed + 1 end
end

local threads = {}
function setup(thread) table.insert(threads, thread) end
function done(summary, latency)
  local all = 0
  for _, thread in ipairs(threads) do all = all + (thread:get("failed") or 0) end
  io.write(string.format("p50 %.2f ms, p99 %.2f ms, %.0f requests/s, not 200: %d, socket errors: %d\n",
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.requests / (summary.duration / 1e6),
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
