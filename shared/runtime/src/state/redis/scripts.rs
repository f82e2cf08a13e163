//! What must be atomic in Redis. A key that holds none of our records counts as absent: it must not block a
//! credential or a job for ever.

/// Claims a name, or answers the record that is there. A claim without expiry, or with more than a day left, counts
/// as absent.
pub(super) const CLAIM: &str = r"
if redis.call('TYPE', KEYS[1]).ok == 'string' then
  local text = redis.call('GET', KEYS[1])
  local read, record = pcall(cjson.decode, text)
  if read and type(record) == 'table' and type(record.owner) == 'string' then
    local left, outcome = redis.call('PTTL', KEYS[1]), record.outcome
    if outcome == cjson.null and left >= 0 and left <= 86400000 then return text end
    if type(outcome) == 'table' and outcome.data ~= nil then return text end
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false";

/// Renews or removes a claim only while it is the owner's and has no outcome.
pub(super) const IF_OWNED: &str = r"
if redis.call('TYPE', KEYS[1]).ok ~= 'string' then return 0 end
local read, record = pcall(cjson.decode, redis.call('GET', KEYS[1]))
if not read or type(record) ~= 'table' then return 0 end
if record.owner ~= ARGV[1] or record.outcome ~= cjson.null then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])";

/// Reserves a place in a window of calls: the same rule as `vendor::budget`, by Redis's clock. Answers the
/// milliseconds to wait, or minus those past the deadline. A place more than an hour ahead is none of ours.
pub(super) const RESERVE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local calls, window, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kind = redis.call('TYPE', KEYS[1]).ok
local first, last
if kind == 'list' then
  first, last = tonumber(redis.call('LINDEX', KEYS[1], 0)), tonumber(redis.call('LINDEX', KEYS[1], -1))
end
local ours = first and last and first <= last and last <= now + most + window + 3600000
if kind ~= 'none' and not ours then
  redis.call('DEL', KEYS[1])
  first, last = nil, nil
end
local place = now
if first and redis.call('LLEN', KEYS[1]) >= calls then
  place = math.max(now, first + window)
end
if place > now then
  place = math.max(place, last + math.ceil(window / calls))
end
if place - now > most then return now + most - place end
redis.call('RPUSH', KEYS[1], place)
redis.call('LTRIM', KEYS[1], -calls, -1)
redis.call('PEXPIRE', KEYS[1], place - now + window)
return place - now";
