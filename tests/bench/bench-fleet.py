#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How many servers how many devices need: a simulation of renewals and of a restart that lost its leases.

Devices are drawn one by one, with the timers of RFC 6887 as our client has them; a server answers one request after
the other and a device asks again after three seconds and then twice as long each time. What an answer costs was measured
(docs/benchmarks.md, pcp), it is not simulated. Chance has a fixed seed.
"""
import heapq
import json
import random

# Seconds of the processor an answer, its share of the kernel included: of one alone, and of many that wait together.
ALONE = 40e-6  # pcp/adit-renew-10000-cpu
TOGETHER = 28e-6  # pcp/adit-create-50000-cpu
LIFETIME = 7200  # what our client asks for
MAPPINGS = 5  # of one device
PACE = 6400  # notices a second, ADIT_PCP_ANNOUNCE_PER_SECOND
QUEUE = 2 * 4 * 1024 * 1024 // 768  # requests that wait in the socket's buffer; the kernel doubles it and counts 768 B each
SEED = 6887


def figure(name, value, unit):
    print(json.dumps({"name": f"fleet/{name}", "value": float(f"{value:.4g}"), "unit": unit}), flush=True)


def renewals(devices, dice):
    """Requests a second in an hour, and the busiest second of it: each renews at 1/2 to 5/8 of the lifetime."""
    seconds = [0] * 3600
    for _ in range(devices * MAPPINGS):
        at = dice.uniform(0, LIFETIME * 9 / 16)
        while at < 3600:
            seconds[int(at)] += 1
            at += LIFETIME * dice.uniform(1 / 2, 5 / 8)
    return sum(seconds) / 3600, max(seconds)


def restart(devices, dice):
    """All leases are lost: notices go out at the pace, each device waits up to 5 s (RFC 6887 section 8.5) and asks for all it
    had. Seconds until half, 99 % and all of the mappings are back, and the share of requests that found no room."""
    asks, done, lost = [], [], 0
    for device in range(devices):
        first = device / PACE + dice.uniform(0, 5)
        for mapping in range(MAPPINGS):
            heapq.heappush(asks, (first + mapping * 0.001, 0))
    free, total = 0.0, 0
    while asks:
        now, again = heapq.heappop(asks)
        total += 1
        if max(free - now, 0) / TOGETHER >= QUEUE:
            lost += 1
            heapq.heappush(asks, (now + 3 * 2 ** again * dice.uniform(0.9, 1.1), min(again + 1, 8)))
            continue
        free = max(free, now) + TOGETHER
        done.append(free)
    done.sort()
    return done[len(done) // 2], done[len(done) * 99 // 100], done[-1], lost / total


def main():
    dice = random.Random(SEED)
    for devices in (1_000, 10_000, 100_000):
        mean, most = renewals(devices, dice)
        figure(f"renewals-{devices}", mean, "requests a second")
        figure(f"renewals-busiest-{devices}", most, "requests in one second")
        figure(f"renewals-cpu-{devices}", mean * ALONE * 100, "% of one processor")
        half, most_all, last, lost = restart(devices, dice)
        figure(f"restart-half-{devices}", half, "s")
        figure(f"restart-99-{devices}", most_all, "s")
        figure(f"restart-all-{devices}", last, "s")
        figure(f"restart-no-room-{devices}", lost * 100, "% of the requests")


if __name__ == "__main__":
    main()
