-- One request a line of the pool file: method, path, authorization, etag, body (tabs between; "-" is none).
-- Every thread takes its own share of the lines (a single line serves all). Mode "once" stops at the end of it, "again" starts over.
-- %d in a body becomes a number that only grows, for the sequence numbers of saves.
local counter = 0
local threads = {}

function setup(thread)
  thread:set("id", counter)
  table.insert(threads, thread)
  counter = counter + 1
end

function init(args)
  mode = args[2]
  lines = {}
  local all = {}
  for line in io.lines(args[1]) do table.insert(all, line) end
  for number, line in ipairs(all) do
    if #all == 1 or number % tonumber(args[3]) == id then table.insert(lines, line) end
  end
  place, bad, ended = 0, 0, 0
  seq = os.time() * 100000 -- above those of every round before
end

function request()
  place = place + 1
  if place > #lines then
    if mode == "once" then ended = 1; wrk.thread:stop() end
    place = 1
  end
  seq = seq + 1
  local method, path, authorization, etag, body = lines[place]:match("([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)")
  local headers = {["Content-Type"] = "application/json"}
  if authorization ~= "-" then headers["Authorization"] = authorization end
  if etag ~= "-" then headers["If-None-Match"] = etag end
  if body == "-" then body = nil else body = body:gsub("%%d", string.format('%.0f', seq)) end
  return wrk.format(method, path, headers, body)
end

function response(status)
  if status >= 400 then bad = bad + 1 end
end

function done(summary, latency)
  local bad, ended = 0, 0
  for _, thread in ipairs(threads) do
    bad = bad + thread:get("bad")
    ended = ended + thread:get("ended")
  end
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"bad":%d,"socket_errors":%d,"ended":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), bad,
    errors.connect + errors.read + errors.write + errors.timeout, ended))
end
