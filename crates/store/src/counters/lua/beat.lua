-- An instance says that it lives, and learns how many do and which epoch it is. An epoch begins when a server has none: new, restarted empty, flushed.
-- KEYS: epoch, instances. ARGV: epoch to begin, now ('' = this server's time; tests give one), instance, how long an instance that is silent counts.
-- Answer: epoch, number of instances.

local now = clock(ARGV[2])
redis.call('SET', KEYS[1], ARGV[1], 'NX')
redis.call('PEXPIRE', KEYS[1], 31536000000)
redis.call('ZADD', KEYS[2], text(now), ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now - tonumber(ARGV[4])))
redis.call('PEXPIRE', KEYS[2], 86400000)
return { redis.call('GET', KEYS[1]), redis.call('ZCARD', KEYS[2]) }
