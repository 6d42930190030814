-- What the scripts share: one counter, whatever its window.
--
-- A counter is a hash (what is used) and a sorted set (what is held: member "ID:AMOUNT", score = end of its lease).
-- Fields of the hash: t used in all, h held in all, o oldest slot / start of the window / last look at the bucket, n newest slot,
-- r what was left of the bucket's last refill, e no lease ends before, x until when the keys are kept; a number: what was used in that slot.
-- Times are microseconds. Numbers are exact up to 2^53; the callers clamp amounts to 4 * 10^15.

local SLOTS = 100
local FIELDS = { 't', 'h', 'o', 'n', 'r', 'e', 'x' }
local AGED_AT_ONCE = 1000
local NEVER = 9000000000000000

local function text(number)
  return string.format('%.0f', number)
end

local function clock(given)
  if given ~= '' then
    return tonumber(given)
  end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- floor((a * b + r) / c) and the rest, exactly, for a < c < 2^45, b < 2^53, r < c: b is taken seven bits at a time.
local function multiply_divide(a, b, r, c)
  local digits = {}
  local left = b
  while left > 0 do
    local digit = left % 128
    digits[#digits + 1] = digit
    left = (left - digit) / 128
  end
  local quotient, rest = 0, 0
  for i = #digits, 1, -1 do
    local sum = rest * 128 + a * digits[i]
    local whole = math.floor(sum / c)
    quotient = quotient * 128 + whole
    rest = sum - whole * c
  end
  rest = rest + r
  if rest >= c then
    return quotient + 1, rest - c
  end
  return quotient, rest
end

-- Days since 1970 of the first of the month of that day, and of the next month's (proleptic Gregorian calendar).
local function month(day)
  local shifted = day + 719468
  local era = math.floor(shifted / 146097)
  local of_era = shifted - era * 146097
  local year = math.floor((of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524) - math.floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local from_march = math.floor((5 * of_year + 2) / 153)
  local of_month = of_year - math.floor((153 * from_march + 2) / 5)
  local first = day - of_month
  local months = from_march < 10 and from_march + 3 or from_march - 9
  local years = year + era * 400 + (months <= 2 and 1 or 0)
  local length = 31
  if months == 4 or months == 6 or months == 9 or months == 11 then
    length = 30
  elseif months == 2 then
    length = (years % 4 == 0 and (years % 100 ~= 0 or years % 400 == 0)) and 29 or 28
  end
  return first, first + length
end

local DAY = 86400000000
local FIXED = { second = 1000000, minute = 60000000, hour = 3600000000, day = DAY }

-- Start and end of the calendar's window around that time.
local function calendar(unit, time)
  local length = FIXED[unit]
  if length then
    local start = math.floor(time / length) * length
    return start, start + length
  end
  local day = math.floor(time / DAY)
  if unit == 'week' then
    local monday = day - (day + 3) % 7
    return monday * DAY, (monday + 7) * DAY
  end
  local first, following = month(day)
  return first * DAY, following * DAY
end

-- The server's clock was set back by more than a window: everything counts as used just now, for it may have been.
local function rewind_slots(c)
  local names = {}
  for slot = c.o, c.n do
    names[#names + 1] = text(slot)
  end
  redis.call('HDEL', c.uses, unpack(names))
  redis.call('HSET', c.uses, text(c.slot), text(c.t))
  c.o, c.n = c.slot, c.slot
end

-- Lets the slots go that are out of the window. Set back by less than a window, the time stands still.
local function age_slots(c, now)
  c.slot = math.floor(now / c.span)
  if not c.o then
    return
  end
  if c.n - c.slot > SLOTS then
    return rewind_slots(c)
  end
  c.slot = math.max(c.slot, c.n)
  local first = c.slot - SLOTS
  if c.o >= first then
    return
  end
  local names = {}
  for slot = c.o, math.min(first - 1, c.n) do
    names[#names + 1] = text(slot)
  end
  local values = redis.call('HMGET', c.uses, unpack(names))
  for _, value in ipairs(values) do
    if value then
      c.t = c.t - tonumber(value)
    end
  end
  redis.call('HDEL', c.uses, unpack(names))
  c.o = first
  if c.n < first then
    c.o, c.n = nil, nil
  end
end

-- What flows back into a bucket in that time, and what is left over for the next time.
local function refill(c, time)
  local wholes = math.floor(time / c.span)
  local flow, rest = multiply_divide(time - wholes * c.span, c.flow, c.r, c.span)
  return wholes * c.flow + flow, rest
end

-- t is what is missing, rounded up; r how much of the last unit has flowed in, times the span.
local function age_bucket(c, now)
  if not c.o then
    c.o = now
  end
  if now <= c.o then
    if c.o - now > c.span then
      c.o = now
    end
    return
  end
  if c.t > 0 then
    local flow, rest = refill(c, now - c.o)
    c.t, c.r = c.t - flow, rest
    if c.t <= 0 then
      c.t, c.r = 0, 0
    end
  end
  c.o = now
end

-- Turns over when the window has ended. Set back over its beginning, the time stands still; set back further, what was used goes with it.
local function age_calendar(c, now)
  c.start, c.finish = calendar(c.unit, now)
  if not c.o then
    c.o = c.start
  elseif c.o < c.start then
    c.o, c.t = c.start, 0
  elseif c.o > c.start then
    if c.o - now > c.finish - c.start then
      c.o = c.start
    else
      c.start, c.finish = calendar(c.unit, c.o)
    end
  end
end

-- Lets the holdings go whose lease has run out.
local function age_held(c, now)
  if c.e > now then
    return
  end
  local ended = redis.call('ZRANGEBYSCORE', c.holds, '-inf', text(now), 'LIMIT', 0, AGED_AT_ONCE)
  for _, member in ipairs(ended) do
    c.h = c.h - tonumber(string.match(member, ':(%d+)$'))
    redis.call('ZREM', c.holds, member)
  end
  local first = redis.call('ZRANGE', c.holds, 0, 0, 'WITHSCORES')
  c.e = first[2] and tonumber(first[2]) or NEVER
end

-- Brings what is used up to date.
local function age(c, now)
  if c.kind == 's' then
    age_slots(c, now)
  elseif c.kind == 'c' then
    age_calendar(c, now)
  elseif c.kind == 'b' then
    age_bucket(c, now)
  end
end

-- Reads a counter; what is held as it stands now, what is used as it was left.
-- kind: s(liding), c(alendar), b(ucket), o(pen); span: of a slot, or in which `flow` flows into the bucket.
local function open(c, now)
  local values = redis.call('HMGET', c.uses, unpack(FIELDS))
  for i, field in ipairs(FIELDS) do
    c[field] = values[i] and tonumber(values[i])
  end
  c.before = { t = c.t, h = c.h, o = c.o, n = c.n, r = c.r, e = c.e, x = c.x }
  c.t, c.h, c.r, c.e, c.x = c.t or 0, c.h or 0, c.r or 0, c.e or NEVER, c.x or 0
  if c.holds ~= '' then
    age_held(c, now)
  end
end

-- Counts what was used at that time; what is out of the window already is not counted.
local function count(c, amount, at, now)
  if amount <= 0 then
    return
  end
  if c.kind == 's' then
    local slot = at < now and math.floor(at / c.span) or c.slot
    if slot < c.slot - SLOTS then
      return
    end
    redis.call('HINCRBY', c.uses, text(slot), text(amount))
    c.o = math.min(c.o or slot, slot)
    c.n = math.max(c.n or slot, slot)
  elseif c.kind == 'c' then
    if at < c.start then
      return
    end
  elseif c.kind == 'o' then
    return
  end
  c.t = c.t + amount
end

-- Holds an amount, or holds it on.
local function hold(c, id, amount, lease_end)
  if amount <= 0 then
    return
  end
  local added = redis.call('ZADD', c.holds, text(lease_end), id .. ':' .. text(amount))
  c.e = math.min(c.e, lease_end)
  if added == 1 then
    -- A new key has no end yet.
    c.is_new = c.is_new or c.h <= 0
    c.h = c.h + amount
  end
end

local function let_go(c, id, amount)
  if redis.call('ZREM', c.holds, id .. ':' .. text(amount)) == 1 then
    c.h = c.h - amount
  end
end

-- Writes back what has changed. A counter that was never used is not begun by being looked at.
local function close(c)
  local fields = {}
  for _, field in ipairs(FIELDS) do
    if c[field] and c[field] ~= c.before[field] then
      fields[#fields + 1] = field
      fields[#fields + 1] = text(c[field])
    end
  end
  if #fields > 0 then
    redis.call('HSET', c.uses, unpack(fields))
  end
  if c.before.o and not c.o then
    redis.call('HDEL', c.uses, 'o', 'n')
  end
end

-- The keys are kept as long as what is in them can matter, and a minute or two.
local function keep(c, now, lease)
  local until_then = now + c.keep + lease + 60000000
  local is_short = c.x < until_then
  if is_short then
    c.x = until_then + 60000000
  end
  close(c)
  local rest = text(math.ceil((c.x - now) / 1000))
  if is_short then
    redis.call('PEXPIRE', c.uses, rest)
  end
  if c.holds ~= '' and (is_short or c.is_new) then
    redis.call('PEXPIRE', c.holds, rest)
  end
end
