# SPDX-License-Identifier: Apache-2.0
"""The rehearsal, stage by stage: from an empty account to sorted photos, and back to empty."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from infra.config.settings import Settings
from ministack_edge.process import LocalAws, free_port
from rehearsal import notebook, offline_weights, seldom
from rehearsal.account import Account
from rehearsal.account_stages import (
    destroy,
    operator_of,
    roll_out,
    sort_photos,
    start_cameras,
)
from rehearsal.aws_client import Cloud
from rehearsal.cameras import Cameras
from rehearsal.closing_stages import ask, look, run_notebook, run_schedules
from rehearsal.errors import RehearsalError
from rehearsal.loop import Unknown
from rehearsal.loop_stages import Loop
from rehearsal.permissions.coverage import Refusal
from rehearsal.permissions.decisions import Decisions
from rehearsal.photos import Photos, held_out
from rehearsal.playback import Playback
from rehearsal.progress import Stages
from rehearsal.promotion import Promotion, Taker, is_expected
from rehearsal.report import Report
from rehearsal.rotation import rotate_certificate
from rehearsal.taking import HEARS, IS_TOLD
from tools.dataset import Dataset, DatasetError, upload
from tools.quotas import QuotaError, check_or_warn
from training.dataset.listing import BACKGROUND

TRAINING_TIMEOUT = 3600


@dataclass(kw_only=True)
class Rehearsal:
    """One rehearsal of one environment in its own work folder.

    ``weights`` is a folder of pretrained weights, which cannot be fetched here. ``notebook`` is
    where the executed copy of the training notebook goes; None runs no notebook. ``keep`` leaves
    everything running. ``seldom`` goes through what happens seldom too. ``promote`` takes the model
    into two other accounts as well. ``quota`` are machines that the account may not use, as Service
    Quotas names them.
    """

    name: str
    settings: Settings
    work: Path
    photos: Photos
    weights: Path | None
    notebook: Path | None
    port: int
    keep: bool
    console: Console
    promote: bool = False
    seldom: bool = False
    quota: str = ""
    stages: Stages = field(init=False)
    _decisions: Decisions | None = None
    report: Report = field(init=False)

    def __post_init__(self) -> None:
        self.stages = Stages(self.console)
        self.report = Report(
            environment=self.name, dataset=str(self.photos), bins=self.settings.bins.policy()
        )

    def run(self) -> None:
        """Run all stages. Raises RehearsalError if one cannot continue."""
        with self._reported(), ExitStack() as cleanup:
            aws = LocalAws(
                port=self.port,
                mqtt_port=free_port(),
                work=self.work / "local-aws",
                lifeline=not self.keep,
                extensions=[f"rehearsal.offline_weights:OfflineWeights={self.weights or ''}"],
                quota=self.quota,
            )
            decisions = self._decisions = Decisions(aws, self.work)
            # A taken port is the most common reason for a failed start, so it is checked first.
            aws.check_port()
            if self.notebook:
                notebook.check_installed()
            dataset, unknown = self.photos.prepare(self.stages, cleanup)
            account = self._start(aws, cleanup)
            account.deploy(self.report)
            cloud = account.cloud(account.people.operator)
            outputs = cloud.outputs()
            decisions.note_policies(cloud)
            empty = next(iter(sorted((dataset.folder / BACKGROUND).glob("*.jpg"))), None)
            cameras = start_cameras(account, outputs, cleanup, empty=empty)
            # There before the approval, of which it hears.
            promotion = self._promotion(aws, cleanup)
            hears = promotion.deploy(HEARS) if promotion else None
            execution = self._train(cloud, outputs, dataset)
            self._roll_out(account, outputs, cameras)
            self.report.rotated = rotate_certificate(account, cameras)
            photos = held_out(cloud, outputs, dataset, execution)
            playback, self.report.photos = sort_photos(account, outputs, cameras, photos)
            self.report.show(self.console)
            takers = self._promote(promotion, hears, photos) if promotion and hears else []
            if unknown:
                self._learn(
                    account, cameras, playback=playback, execution=execution, unknown=unknown
                )
            run_schedules(account)
            look(account)
            ask(account, cameras)
            if self.notebook:
                run_notebook(account, outputs, self.notebook)
            if self.seldom:
                seldom.happen(account, outputs, cameras, execution)
            if self.keep:
                aws.detach()
            else:
                for taker in takers:
                    taker.close()
                self.report.destroyed, self.report.retained = destroy(account, cameras)
                self.report.show_left_behind(self.console)
            decisions.require_no_refusal(expected=self._is_expected)

    def _is_expected(self, refusal: Refusal) -> bool:
        """Whether a call should be refused, because of what this rehearsal does besides."""
        return (self.promote and is_expected(refusal)) or (
            self.seldom and seldom.is_expected(refusal)
        )

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Write the report, even if the rehearsal fails."""
        try:
            yield
        except (DatasetError, RehearsalError) as error:
            self.report.error = str(error)
            raise
        except KeyboardInterrupt:
            self.report.error = "interrupted"
            raise
        except Exception as error:
            self.report.error = f"{type(error).__name__}: {error}"
            raise
        finally:
            self.stages.entered = None
            # However far it came.
            coverage = self._decisions.cover() if self._decisions else None
            if coverage is not None:
                self.report.permissions = coverage
                self.console.print(str(coverage))
            self.report.write(self.work / "report.json", self.stages)

    def _start(self, aws: LocalAws, cleanup: ExitStack) -> Account:
        with self.stages.stage("local AWS", f"start it on 127.0.0.1:{self.port}"):
            cleanup.enter_context(aws)
        self.stages.entered = aws.enter_stage
        return Account.settled(
            aws=aws, name=self.name, settings=self.settings, work=self.work, stages=self.stages
        )

    def _train(self, cloud: Cloud, outputs: dict[str, str], dataset: Dataset) -> str:
        with self.stages.stage("dataset upload", "photos, then the manifest that starts training"):
            try:
                found = check_or_warn(cloud.client("service-quotas"), self.settings)
            except QuotaError as error:
                found = f"make upload-dataset would stop here; SKIP_QUOTAS=1 continues: {error}"
            self.stages.news(found)
            upload(
                cloud.client("s3"),
                dataset,
                bucket=outputs["DatasetBucket"],
                name=self.settings.training.dataset,
                progress=self.stages.progress,
            )
        with self.stages.stage("training", "the SageMaker pipeline, each step a local process"):
            if offline_weights.applies(self.settings.training.weights, self.weights):
                self.stages.news(offline_weights.DIFFERENCE)
            execution = cloud.pipeline_execution(outputs["PipelineName"])
            cloud.watch_pipeline(execution, news=self.stages.news, timeout=TRAINING_TIMEOUT)
        return execution

    def _roll_out(
        self, account: Account, outputs: dict[str, str], cameras: Cameras
    ) -> dict[str, object]:
        """Approve what was trained last and roll it out; what was measured of it."""
        self.report.model = roll_out(account, outputs, cameras, before=self.report.model)
        measured: dict[str, object] = self.report.model["metrics"]
        return measured

    def _promotion(self, aws: LocalAws, cleanup: ExitStack) -> Promotion | None:
        if not self.promote:
            return None
        return Promotion(
            aws=aws,
            source=self.name,
            settings=self.settings,
            work=self.work,
            stages=self.stages,
            cleanup=cleanup,
        )

    def _promote(
        self, promotion: Promotion, hears: Taker, photos: list[tuple[Path, str]]
    ) -> list[Taker]:
        """Both other accounts take the model and use it; they are returned."""
        digest = self.report.model["digest"]
        hears.hear()
        self.report.promoted.append(hears.use(photos, digest, "event"))
        # Deployed only now, so no event brings it the model.
        is_told = promotion.deploy(IS_TOLD)
        is_told.ask()
        self.report.promoted.append(is_told.use(photos, digest, "command"))
        promotion.refuse_fourth()
        return [hears, is_told]

    def _learn(
        self,
        account: Account,
        cameras: Cameras,
        *,
        playback: Playback,
        execution: str,
        unknown: Unknown,
    ) -> None:
        cloud = account.cloud(account.people.operator)
        outputs = cloud.outputs()

        loop = Loop(
            cloud=cloud,
            outputs=outputs,
            operator=operator_of(account),
            stages=self.stages,
            playback=playback,
            execution=execution,
            timeout=TRAINING_TIMEOUT,
            roll_out=lambda: self._roll_out(account, outputs, cameras),
        )
        self.report.loop = loop.learn(unknown)
        self.report.loop.show(self.console)
        self.report.loop.require()
