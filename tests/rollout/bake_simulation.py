# SPDX-License-Identifier: Apache-2.0
"""Cameras of a city from a seed: what they count before a rollout and while it bakes."""

from dataclasses import dataclass

import numpy as np

from rollout.own_past import Counted, Past, unlike

CLASSES = ("cardboard", "glass", "metal", "paper", "plastic", "trash", "unsure")
SHARES = np.array((5, 9, 2, 30, 40, 10, 4)) / 100
HOURS_BEFORE = 72
LOOK_HOURS = 1 / 30


@dataclass(frozen=True, kw_only=True)
class City:
    """How much cameras differ. Rates are items per hour, lognormal around ``per_hour``; ``places``
    is how much (standard deviation of the logarithm) each place's rate and mix change of their own
    accord between its past and the bake; ``hour`` by what the time of day multiplies all rates."""

    canaries: int = 5
    fleet: int = 50
    per_hour: float = 20.0
    places: float = 0.3
    hour: float = 1.0


class Simulation:
    """One bake. ``confusion``: row i says what the new model answers where the old one answers
    class i; ``rate`` what part of the items it reports."""

    def __init__(self, seed, city, *, confusion=None, rate=1.0):
        self._random = random = np.random.default_rng(seed)
        count = city.canaries + city.fleet
        self.things = [f"camera-{number}" for number in range(count)]
        self._canaries = city.canaries
        rates = city.per_hour * random.lognormal(0, 0.5, count)
        mixes = random.dirichlet(SHARES * 50, count)
        before = random.poisson(HOURS_BEFORE * rates[:, None] * mixes)
        self._counts = before.astype(int)
        self._hours = float(HOURS_BEFORE)
        drift = random.lognormal(0, city.places, (count, len(CLASSES)))
        place = random.lognormal(0, city.places, count)
        self._now = city.hour * (rates * place)[:, None] * mixes * drift
        if confusion is not None:
            self._now[: city.canaries] = self._now[: city.canaries] @ np.asarray(confusion)
        self._now[: city.canaries] *= rate
        told = self._told()
        self.past = Past(
            canary={thing: told[thing] for thing in self.things[: city.canaries]},
            fleet={thing: told[thing] for thing in self.things[city.canaries :]},
        )

    def alarm(self, *, looks=30, false_alarms=0.005):
        """At which look the bake is ended, and why; None: never."""
        for at in range(looks):
            self._counts = self._counts + self._random.poisson(LOOK_HOURS * self._now)
            self._hours += LOOK_HOURS
            said = unlike(self.past, self._told(), classes=20, false_alarms=false_alarms)
            if said:
                return at + 1, said
        return None

    def _told(self):
        return {
            thing: Counted(
                seconds=3600 * self._hours,
                items=int(counts.sum()),
                fps=15.0,
                p99_ms=80.0,
                streaming=True,
                classes={name: int(n) for name, n in zip(CLASSES, counts, strict=True) if n},
            )
            for thing, counts in zip(self.things, self._counts, strict=True)
        }


def one_answer(name):
    """The confusion of a model that answers one class for everything."""
    wanted = np.zeros((len(CLASSES), len(CLASSES)))
    wanted[:, CLASSES.index(name)] = 1
    return wanted


def unsure(share):
    """The confusion of a model that is unsure of a share of what the old one was sure of."""
    wanted = (1 - share) * np.eye(len(CLASSES))
    wanted[:, CLASSES.index("unsure")] += share
    return wanted


def swapped(first, second):
    """The confusion of a model that takes two classes for each other."""
    wanted = np.eye(len(CLASSES))
    a, b = CLASSES.index(first), CLASSES.index(second)
    wanted[[a, b]] = wanted[[b, a]]
    return wanted
