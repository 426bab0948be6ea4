"""Evaluate models: into the database under a named protocol, or as a plain report that needs no database."""

import time
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from studio.health import worker_command, worker_missing
from studio.models import Job
from studio.terminal import Line


class Command(BaseCommand):
    help = (
        "Evaluate a model. With --protocol, --release, --set or --evaluation the result is kept in the database, prediction "
        "by prediction: killed and called again, it goes on where it was. Without them it is a report on folders in the "
        "PhysGame format (options by likelihood, letters, pairs, with 95%% intervals) that needs no database."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--model", metavar="M", help="weights (folder, run:7:model), baseline:NAME, or a hosted model")
        parser.add_argument("--data", nargs="+", metavar="DIR", help="folders with questions (and pairs, for the report)")
        parser.add_argument("--limit", type=int, default=0, metavar="N", help="only N questions and pairs, evenly spread")
        parser.add_argument("--cache", type=Path, metavar="DIR", help="frames that runs share (default: cache/ of the data)")
        kept = parser.add_argument_group("kept in the database")
        kept.add_argument("--benchmark", metavar="B", help="physgame (default), video-mme or vcg")
        kept.add_argument("--release", metavar="NAME", help="a sealed benchmark release to measure on")
        kept.add_argument("--set", metavar="NAME", help="a question set that was frozen before")
        kept.add_argument("--protocol", nargs="+", metavar="P", help="standard (default), paper, circular, or a control")
        kept.add_argument("--scoring", metavar="S", help="letters (default), options or words")
        kept.add_argument(
            "--frames", type=int, default=0, metavar="N", help="frames of a clip (default: as the protocol says)"
        )
        kept.add_argument("--subtitles", action="store_true", help="with those of Video-MME")
        kept.add_argument("--judge", default="", metavar="M", help="the language model that scores VCG's open answers")
        kept.add_argument("--name", default="", help="what the leaderboard calls the model")
        kept.add_argument("--again", action="store_true", help="measure anew although it is complete")
        kept.add_argument("--nproc", type=int, default=1, metavar="N", help="processes that share the questions")
        kept.add_argument("--evaluation", nargs="+", type=int, metavar="ID", help="go on with these, one after the other")
        report = parser.add_argument_group("as a report")
        report.add_argument(
            "--controls",
            nargs="?",
            const=0,
            type=int,
            metavar="N",
            help="also blind, with one frame, and with shuffled frames: on all questions, or on N of them, evenly spread",
        )
        report.add_argument("--against", type=Path, metavar="FILE", help="an earlier report: test the change")
        report.add_argument("--out", type=Path, metavar="FILE", help="write the report, with every item, as JSON")

    def handle(self, *, limit, nproc, **options):
        for name, number in (("--limit", limit), ("--controls", options["controls"] or 0)):
            if number < 0:
                raise CommandError(f"{name} {number}: must be 0 or more.")
        if nproc < 1:
            raise CommandError(f"--nproc {nproc}: must be 1 or more.")
        kept = ("benchmark", "release", "set", "protocol", "evaluation", "frames", "subtitles", "judge")
        if any(options[name] for name in kept):
            if options["controls"] is not None or options["against"] or options["out"]:
                raise CommandError(
                    "--controls, --against and --out belong to the report; leave out --protocol and the like."
                )
            return self.keep(limit=limit, nproc=nproc, **options)
        if not options["model"] or not options["data"]:
            raise CommandError("Say which model with --model, and what to measure on with --data (or --release, --set).")
        return self.report(limit=limit, **options)

    # ---- In the database

    def keep(self, *, evaluation, protocol, nproc, cache, **options):
        from modelzoo.evaluation import opening
        from modelzoo.evaluation.models import Evaluation
        from modelzoo.evaluation.sets import CannotFreeze
        from modelzoo.physvlm.data.sources import BadData
        from modelzoo.physvlm.runfolder import RunError

        line = Line(self.stdout)
        try:
            if evaluation:
                known = Evaluation.objects.in_bulk(evaluation)
                if missing := [pk for pk in evaluation if pk not in known]:
                    raise CommandError(f"There is no evaluation {missing[0]}.")
                for pk in evaluation:
                    self.one(known[pk], nproc, cache, line)
                return
            for name in protocol or ["standard"]:
                self.one(self.opened(name, **options), nproc, cache, line)
        except (opening.CannotEvaluate, CannotFreeze, BadData, RunError, ValueError, OSError) as error:
            line.end()
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            line.end()
            raise CommandError("Stopped; the same command goes on from here.", returncode=130)

    def opened(self, protocol, *, model, data, release, limit, scoring, name, again, benchmark, judge, **options):
        from modelzoo.evaluation import commanding, opening

        if not model:
            raise CommandError("Say which model with --model.")
        found = opening.find_model(model, name=name)
        question_set, source = commanding.question_set_of(
            release=release, name=options["set"], data=data, limit=limit, benchmark=benchmark or "physgame"
        )
        repeat = opening.next_repeat(question_set, found, protocol, scoring) if again else 0
        return opening.open_evaluation(
            question_set, found, protocol, scoring=scoring, source=source, repeat=repeat, judge=judge,
            frames=options["frames"], subtitles=options["subtitles"],
        )  # fmt: skip

    def one(self, evaluation, nproc, cache, line):
        from modelzoo.evaluation import commanding, jobs, opening, runner
        from modelzoo.evaluation.beating import Beating
        from modelzoo.evaluation.models import Evaluation
        from modelzoo.physvlm import launch

        Kind = Evaluation.ModelKind

        rank, world = opening.shard_of_environment()
        if not evaluation.is_complete:
            if evaluation.model_kind == Kind.IMPORTED:
                raise CommandError("Its predictions were brought in; import the file again.")
            if evaluation.model_kind == Kind.HOSTED:
                self.wait(jobs.start(evaluation), line)
                evaluation.refresh_from_db()
            elif nproc > 1 and world == 1:
                command = commanding.command_of(evaluation) + (["--cache", str(cache)] if cache else [])
                with Beating(evaluation):  # its processes need a while until they beat themselves
                    code = launch.run(command, processes=nproc)
                if code:
                    raise CommandError("A process failed; what it said is above. The same command goes on.", returncode=code)
                runner.complete(evaluation)
            else:
                with Beating(evaluation):
                    commanding.work(evaluation, rank=rank, world=world, show=line.show, cache=cache)
                line.end()
            # Where a job runs this command, that job goes on with the judge.
            if runner.waits_for_judge(evaluation) and not (evaluation.job and evaluation.job.is_active):
                self.wait(jobs.start(evaluation), line)
                evaluation.refresh_from_db()
        if evaluation.is_complete:
            if rank == 0:
                self.stdout.write(f"Evaluation {evaluation.pk}. " + commanding.in_words(evaluation))
        else:
            done = runner.done_count(evaluation)
            self.stdout.write(f"Evaluation {evaluation.pk}: {done} of {evaluation.wanted} predictions are there.")

    def wait(self, job, line):
        """A hosted model is asked by a worker, whose job can be stopped and watched on its page."""
        warned = False
        while (job := Job.objects.get(pk=job.pk)).is_active:
            line.show(f"{job.done} of {job.total} {job.unit or 'answers'}, ${job.cost_usd:.4f}")
            if not warned and worker_missing(job.queue):
                warned = True
                line.end()
                self.stdout.write(f"No worker serves the queue “{job.queue}”; start one with: {worker_command(job.queue)}")
            time.sleep(0.3)
        line.end()
        if job.state != Job.State.DONE:
            raise CommandError(f"The job {job.get_state_display().lower()}: {job.error or 'see its page.'}")

    # ---- As a report

    def report(self, *, model, data, controls, limit, against, out, cache, **options):
        from modelzoo.physvlm import evaluate
        from modelzoo.physvlm.data.sources import BadData, read
        from modelzoo.physvlm.files import write_json
        from modelzoo.physvlm.runfolder import RunError, read_json

        if against and not against.is_file():
            raise CommandError(f"{against} is not a report that --out wrote.")
        line = Line(self.stdout)
        try:
            report = evaluate.evaluate(
                model,
                read(data),
                cache=cache or Path(settings.DATA_DIR) / "cache",
                controls=("none",) if controls is None else evaluate.CONTROLS,
                limit=limit,
                control_limit=controls or 0,
                progress=lambda what, done, total: line.show(f"{what}: {done} of {total}"),
            )
            if against:
                report["compared"] = evaluate.compare(read_json(against), report)
            if out:
                write_json(out, report)
        except (BadData, RunError, ValueError) as error:
            line.end()
            raise CommandError(str(error)) from error
        except OSError as error:
            line.end()
            raise CommandError(f"{error.filename or out}: {error.strerror or error}.") from error
        line.end()
        self.stdout.write(evaluate.in_words(report))
        if against:
            self.stdout.write(evaluate.compared_in_words(report["compared"]))
