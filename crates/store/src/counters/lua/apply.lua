-- What has become of holdings, in the order in which it happened, once for each batch.
-- KEYS: epoch, sequence of the sender, then uses and holds of each operation's counter.
-- ARGV: epoch that the caller knows, now ('' = this server's time; tests give one), number of the batch,
-- then for each operation: kind, span, unit or flow, keep, id ('' = nothing is held), held, lease (0: let go), used, age of the use.
-- Answer: 0 done | 1 this batch was done before | 2 not this epoch.

local PER_OPERATION = 9

if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then
  return 2
end
if tonumber(redis.call('GET', KEYS[2]) or 0) >= tonumber(ARGV[3]) then
  return 1
end
redis.call('SET', KEYS[2], ARGV[3], 'PX', 86400000)
local now = clock(ARGV[2])

local key = 3
for place = 4, #ARGV, PER_OPERATION do
  local id, held, lease = ARGV[place + 4], tonumber(ARGV[place + 5]), tonumber(ARGV[place + 6])
  local c = {
    kind = ARGV[place],
    span = tonumber(ARGV[place + 1]),
    unit = ARGV[place + 2],
    flow = tonumber(ARGV[place + 2]),
    keep = tonumber(ARGV[place + 3]),
    uses = KEYS[key],
    holds = KEYS[key + 1],
  }
  key = key + 2
  local at = math.min(now, now - tonumber(ARGV[place + 8]))
  open(c, now)
  -- What flows into a bucket after the use must find it taken out; what has been reckoned up already is.
  if c.kind ~= 'b' then
    age(c, now)
  elseif not c.o or at > c.o then
    age(c, at)
  end
  if id ~= '' then
    if lease > 0 then
      hold(c, id, held, now + lease)
    else
      let_go(c, id, held)
    end
  end
  count(c, tonumber(ARGV[place + 7]), at, now)
  if c.kind == 'b' then
    age(c, now)
  end
  keep(c, now, lease)
end
return 0
