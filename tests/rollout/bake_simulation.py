# SPDX-License-Identifier: Apache-2.0
"""Cameras of a city from a seed: what they count before a rollout and while it bakes.

``python -m tests.rollout.bake_simulation --seeds 200`` measures how often good models are
taken back and bad ones found, in cities of several kinds; docs/adr/0016 has the figures.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rollout.comparison import unlike
from rollout.own_past import Counted, Past

BEFORE = Counted(
    seconds=100_000,
    items=600,
    fps=15.0,
    p99_ms=80.0,
    streaming=True,
    frames=1_500_000,
    bad_frames=15,
    classes={"paper": 500, "glass": 100},
)
"""What a camera had counted before a rollout, for tests of single pairs."""
CLASSES = ("cardboard", "glass", "metal", "paper", "plastic", "trash", "unsure")
SHARES = np.array((5, 9, 2, 30, 40, 10, 4)) / 100
ODD_SHARES = np.array((4, 4, 4, 12, 12, 4, 60)) / 100


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
    rates: float = 0.5
    """Standard deviation of the logarithm of the places' rates."""
    likeness: float = 50.0
    """How alike the places' mixes are: the concentration of a Dirichlet distribution."""
    weather: float = 0.0
    """How much all places' mixes change together, as ``places``."""
    burst: float = 1.0
    """Mean number of items of one class that come together."""
    hours_before: float = 72.0
    canary_hours_before: float | None = None
    """None: as long as the fleet."""
    odd: int = 0
    """Canaries at places of another kind: the model is unsure of most of what they see."""


class Simulation:
    """One bake. ``confusion``: row i says what the new model answers where the old one answers
    class i; ``rate`` what part of the items it reports."""

    def __init__(self, seed, city, *, confusion=None, rate=1.0):
        self._random = random = np.random.default_rng(seed)
        self._city = city
        count = city.canaries + city.fleet
        self.things = [f"camera-{number:02}" for number in range(count)]
        rates = city.per_hour * random.lognormal(0, city.rates, count)
        mixes = random.dirichlet(SHARES * city.likeness, count)
        mixes[: city.odd] = random.dirichlet(ODD_SHARES * 10, city.odd)
        self._hours = np.full(count, city.hours_before)
        if city.canary_hours_before is not None:
            self._hours[: city.canaries] = city.canary_hours_before
        self._counts = self._items((rates * self._hours)[:, None] * mixes)
        drift = random.lognormal(0, city.places, (count, len(CLASSES)))
        drift = drift * random.lognormal(0, city.weather, len(CLASSES))
        place = random.lognormal(0, city.places, count)
        self._now = city.hour * (rates * place)[:, None] * mixes * drift
        if confusion is not None:
            self._now[: city.canaries] = self._now[: city.canaries] @ np.asarray(confusion)
        self._now[: city.canaries] *= rate
        told = self.told()
        self.past = Past(
            canary={thing: told[thing] for thing in self.things[: city.canaries]},
            fleet={thing: told[thing] for thing in self.things[city.canaries :]},
        )

    def alarm(self, *, looks=30, hours=1.0, false_alarms=0.01):
        """At which look the bake of so many hours is ended, and why; None: never."""
        for at in range(looks):
            self._counts = self._counts + self._items(hours / looks * self._now)
            self._hours = self._hours + hours / looks
            said = unlike(self.past, self.told(), classes=20, false_alarms=false_alarms)
            if said:
                return at + 1, said
        return None

    def _items(self, expected):
        bursts = self._random.poisson(expected / self._city.burst)
        if self._city.burst == 1:
            return bursts.astype(int)
        # The sum of so many bursts of one item and more.
        more = self._random.negative_binomial(np.maximum(bursts, 1), 1 / self._city.burst)
        return np.where(bursts > 0, bursts + more, 0).astype(int)

    def told(self):
        """What each camera has counted by now."""
        return {
            thing: Counted(
                seconds=3600 * float(hours),
                items=int(counts.sum()),
                fps=15.0,
                p99_ms=80.0,
                streaming=True,
                classes={name: int(n) for name, n in zip(CLASSES, counts, strict=True) if n},
            )
            for thing, counts, hours in zip(self.things, self._counts, self._hours, strict=True)
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


CITIES: Mapping[str, City] = {
    "places alike": City(),
    "(a) places differ widely": City(likeness=3, rates=1.2),
    "(a) one canary of another kind, a short history": City(odd=1, canary_hours_before=2),
    "(a) one canary, of another kind": City(canaries=1, odd=1),
    "(b) few items before": City(likeness=3, hours_before=2),
    "(c) items in bursts of 5": City(likeness=10, burst=5),
    "(d) night, weather": City(likeness=10, hour=0.3, weather=1.0),
    "(e) canaries without history": City(likeness=10, canary_hours_before=0),
    "(e) nobody has history": City(likeness=10, hours_before=0),
    "all of (a) to (d)": City(likeness=3, rates=1.2, hours_before=5, burst=3, weather=0.7, odd=1),
}
MODELS: Mapping[str, dict] = {
    "answers a rare class (2 %) for everything": {"confusion": one_answer("metal")},
    "answers the commonest class (40 %) for everything": {"confusion": one_answer("plastic")},
    "is unsure of half of what the old one was sure of": {"confusion": unsure(0.5)},
    "reports no items": {"rate": 0.0},
    "reports a tenth": {"rate": 0.1},
    "reports four times as many": {"rate": 4.0},
    "takes metal for paper and paper for metal": {"confusion": swapped("metal", "paper")},
}


def measured(city, seeds, **model):
    """How many bakes were ended, the median look at which they were, and the commonest reason."""
    found = [Simulation(seed, city, **model).alarm() for seed in range(seeds)]
    ended = sorted(one for one in found if one is not None)
    if not ended:
        return f"0 of {seeds}"
    at, said = ended[len(ended) // 2]
    return f"{len(ended)} of {seeds}, after {at} looks: {said.partition(':')[0]}"


def main():
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="tests.rollout.bake_simulation")
    parser.add_argument("--seeds", type=int, default=200, help="bakes of a good model, each city")
    parser.add_argument("--bad-seeds", type=int, default=40, help="bakes of each bad model")
    arguments = parser.parse_args()
    for name, city in CITIES.items():
        began = time.process_time()
        said = measured(city, arguments.seeds)
        print(f"good, {name}: {said} ({time.process_time() - began:.0f} s)", flush=True)
    for name, model in MODELS.items():
        for canaries in (1, 5, 20) if arguments.bad_seeds else ():
            said = measured(City(canaries=canaries), arguments.bad_seeds, **model)
            print(f"{name}, {canaries} canaries: {said}", flush=True)


if __name__ == "__main__":
    main()
