-- All claims of one request: granted together or not at all.
-- KEYS: epoch, then uses and holds of each claim's counter (holds only when the claim is held).
-- ARGV: epoch that the caller knows, now ('' = this server's time; tests give one), id, lease,
-- then for each claim: kind, span, unit or flow, keep, limit, amount, 1 when it is held.
-- Answer: 0 granted | 1 denied | 2 not this epoch; place of the denied claim; wait (-1: nobody knows); remaining and reset of each claim.

local PER_CLAIM = 7

if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then
  return { 2 }
end
local now = clock(ARGV[2])
local id, lease = ARGV[3], tonumber(ARGV[4])

local function wait_for_slots(c, need)
  local names = {}
  for slot = c.o, c.n do
    names[#names + 1] = text(slot)
  end
  local values = redis.call('HMGET', c.uses, unpack(names))
  for i, value in ipairs(values) do
    need = need - (value and tonumber(value) or 0)
    if need <= 0 then
      return (c.o + i - 1 + SLOTS + 1) * c.span - now
    end
  end
  return -1
end

-- Further off than this (a century) nothing needs to be exact.
local FAR = 3200000000000000

-- The first moment at which so much has flowed back: estimated, then made exact.
local function wait_for_flow(c, need)
  if need <= 0 then
    return 0
  elseif c.flow <= 0 then
    return -1
  end
  local estimate = math.ceil((need * c.span - c.r) / c.flow)
  if estimate > FAR then
    return FAR
  end
  local time = math.max(0, estimate - 4)
  while refill(c, time) < need do
    time = time + 1
  end
  return time
end

local WHEN_GIVEN_BACK, AT_THAT_TIME, NOT_AT_ALL = 1, 2, 3

-- When so much more is free: how far that is known, and the time until then.
local function wait(c, over)
  if c.amount > c.limit then
    return NOT_AT_ALL, 0
  elseif c.h + c.amount > c.limit then
    return WHEN_GIVEN_BACK, 0
  end
  local time = -1
  if c.kind == 's' then
    time = wait_for_slots(c, over)
  elseif c.kind == 'c' then
    time = c.finish - now
  elseif c.kind == 'b' then
    time = wait_for_flow(c, over)
  end
  if time < 0 then
    return NOT_AT_ALL, 0
  end
  return AT_THAT_TIME, time
end

local function reset(c)
  if c.kind == 'c' then
    return math.max(0, c.finish - now)
  elseif c.kind == 's' and c.h > 0 then
    return (c.slot + SLOTS + 1) * c.span - now
  elseif c.kind == 's' and c.n then
    return (c.n + SLOTS + 1) * c.span - now
  elseif c.kind == 'b' then
    return math.max(0, wait_for_flow(c, c.t + c.h))
  end
  return 0
end

local counters = {}
local denied, rank, longest = -1, 0, 0
local key, place = 2, 5
while place + PER_CLAIM - 1 <= #ARGV do
  local c = {
    kind = ARGV[place],
    span = tonumber(ARGV[place + 1]),
    unit = ARGV[place + 2],
    flow = tonumber(ARGV[place + 2]),
    keep = tonumber(ARGV[place + 3]),
    limit = tonumber(ARGV[place + 4]),
    amount = tonumber(ARGV[place + 5]),
    uses = KEYS[key],
    holds = '',
  }
  key = key + 1
  if ARGV[place + 6] == '1' then
    c.holds = KEYS[key]
    key = key + 1
  end
  open(c, now)
  age(c, now)
  local over = c.t + c.h + c.amount - c.limit
  if over > 0 then
    local certainty, time = wait(c, over)
    if certainty > rank or (certainty == rank and time > longest) then
      denied, rank, longest = #counters, certainty, time
    end
  end
  counters[#counters + 1] = c
  place = place + PER_CLAIM
end

local answer = { rank > 0 and 1 or 0, denied, rank == AT_THAT_TIME and longest or -1 }
for _, c in ipairs(counters) do
  if rank == 0 then
    if c.holds ~= '' then
      hold(c, id, c.amount, now + lease)
    else
      count(c, c.amount, now, now)
    end
  end
  if rank == 0 then
    keep(c, now, lease)
  elseif c.before.x then
    close(c)
  end
  answer[#answer + 1] = math.max(0, c.limit - c.t - c.h)
  answer[#answer + 1] = reset(c)
end
return answer
