"""The command line of the technician."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from maskcam.arguments import add_command, add_config_file, file_path
from maskcam.errors import UsageError
from maskcam.messages import translate


def add_parsers(commands: Any) -> None:
    """Registers ``setup``, ``prepare``, ``check``, ``aim``, ``console``, ``explain``, ``sign``."""
    _add_setup(commands)
    _add_prepare(commands)
    _add_check(commands)
    _add_aim(commands)
    _add_console(commands)
    _add_explain(commands)
    _add_sign(commands)


def _add_setup(commands: Any) -> None:
    parser = add_command(
        commands,
        "setup",
        _speaking(_setup),
        summary="write a unit's folder from city hall to its SD card, after checking everything",
        examples="  maskcam setup /media/card ~/units/forville-01",
    )
    parser.add_argument("card", type=file_path, metavar="CARD", help="where its first partition is")
    parser.add_argument(
        "folder", type=file_path, metavar="FOLDER", help="made by city hall for the unit"
    )
    parser.add_argument("--plain", action="store_true", help="CARD is an ordinary folder")


def _add_prepare(commands: Any) -> None:
    parser = add_command(
        commands,
        "prepare",
        _speaking(_prepare),
        summary="take the unit's folder from its card into memory if it is right (at each boot)",
        examples=(
            "  maskcam prepare /boot/firmware/maskcam --output /run/maskcam\n"
            "  maskcam prepare /boot/firmware/maskcam --blink    say why not, by lamp and in words"
        ),
    )
    parser.add_argument("folder", type=file_path, metavar="FOLDER", help="on the card")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--output", type=file_path, metavar="DIR", help="where the service takes it from"
    )
    what.add_argument("--blink", action="store_true", help="blink while it is wrong, until ended")


def _add_check(commands: Any) -> None:
    parser = add_command(
        commands,
        "check",
        _speaking(_check),
        summary="look at every part of the unit once and say what to do",
        examples=(
            "  maskcam check --config maskcam.toml\n  maskcam check --config maskcam.toml --json"
        ),
    )
    add_config_file(parser)
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")


def _add_aim(commands: Any) -> None:
    parser = add_command(
        commands,
        "aim",
        _speaking(_aim),
        summary="aim the camera by drawn shapes, without a picture",
        examples="  maskcam aim --config maskcam.toml",
    )
    add_config_file(parser)


def _add_console(commands: Any) -> None:
    parser = add_command(
        commands,
        "console",
        _speaking(_console),
        summary="offer check and aim at the unit's own screen before it counts (at each boot)",
        examples="  maskcam console --config maskcam.toml",
    )
    add_config_file(parser)


def _add_explain(commands: Any) -> None:
    parser = add_command(
        commands,
        "explain",
        _explain,
        summary="explain in plain words what this unit measures and what leaves it",
        examples="  maskcam explain --config maskcam.toml --language fr",
    )
    add_config_file(parser)
    parser.add_argument(
        "--language", choices=["en", "fr"], help="of the text (default: that of [technician])"
    )


def _add_sign(commands: Any) -> None:
    parser = add_command(
        commands,
        "sign",
        _sign,
        summary="make the sign for the pole, and the page that it points to",
        examples=(
            "  maskcam sign --config maskcam.toml --language fr --output sign.pdf\n"
            "  maskcam sign --config maskcam.toml --language fr+en --arms arms.svg "
            "--output sign.pdf\n"
            "  maskcam sign --config maskcam.toml --language fr --output information.html"
        ),
    )
    add_config_file(parser)
    parser.add_argument(
        "--language",
        choices=["en", "fr", "fr+en", "en+fr"],
        help="fr+en: both on one sign, French larger (default: that of [technician])",
    )
    parser.add_argument(
        "--size",
        choices=["a4", "a3"],
        default="a3",
        help="a4: its gesture can be read at 3 m (default: a3)",
    )
    parser.add_argument(
        "--arms",
        type=file_path,
        metavar="FILE",
        help="the city's arms, .svg or .png, beside the title",
    )
    parser.add_argument(
        "--draft",
        action="store_true",
        help="although facts are missing; marked as a draft across the page",
    )
    parser.add_argument(
        "--output", type=file_path, required=True, metavar="FILE", help=".pdf, .svg, .png or .html"
    )


def _speaking(command: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Returns the command in the language that its configuration, or else the machine, asks for."""

    def speak(args: argparse.Namespace) -> int:
        from maskcam import messages

        folder = getattr(args, "folder", None)
        file = folder / "maskcam.toml" if folder else args.config
        with messages.language(messages.language_of_file(file)):
            return command(args)

    return speak


def _setup(args: argparse.Namespace) -> int:
    from maskcam.technician import card

    for line in card.set_up(args.card, args.folder, plain=args.plain):
        print(line)
    return 0


def _prepare(args: argparse.Namespace) -> int:
    from maskcam.messages import say
    from maskcam.technician import prepare, provisioning

    if args.output:
        prepare.prepare(args.folder, args.output)
        return 0
    try:
        provisioning.examine_folder(args.folder, today=None)
    except provisioning.ProvisioningError as error:
        heading = say("this unit is not configured and does not count:")
        for line in (heading, *str(error).splitlines()):
            print(f"maskcam: {line}", file=sys.stderr, flush=True)
        prepare.blink(args.folder)
        return error.exit_code
    return 0


def _check(args: argparse.Namespace) -> int:
    from maskcam import config
    from maskcam.technician import selfcheck

    loaded = config.load(args.config)
    findings = []
    for finding in selfcheck.run_checks(loaded, selfcheck.probes_for(loaded)):
        findings.append(finding)
        if not args.json:
            print(selfcheck.as_line(finding), flush=True)
    if args.json:
        print(selfcheck.as_json(loaded, findings))
    return 0 if selfcheck.all_well(findings) else 1


def _aim(args: argparse.Namespace) -> int:
    from maskcam import config
    from maskcam.technician import aim, selfcheck

    loaded = config.load(args.config)
    aim.aim(loaded, selfcheck.probes_for(loaded))
    return 0


def _console(args: argparse.Namespace) -> int:
    from maskcam import config
    from maskcam.technician import console, terminal

    loaded = config.load(args.config)
    if reason := terminal.refusal(0) or terminal.refusal(1):
        raise UsageError(translate(reason))
    with terminal.Keys() as keys:
        console.attend(loaded, keys, run=lambda name: console.run_command(name, args.config))
    return 0


def _explain(args: argparse.Namespace) -> int:
    from maskcam import config
    from maskcam.technician import explain

    loaded = config.load(args.config)
    print(explain.explain(loaded, language=args.language or loaded.technician.language))
    return 0


def _sign(args: argparse.Namespace) -> int:
    from maskcam import config
    from maskcam.technician import sign

    if args.arms and (not args.arms.is_file() or args.arms.suffix.lower() not in {".svg", ".png"}):
        raise UsageError(f"--arms {args.arms}: give a picture that ends in .svg or .png")
    loaded = config.load(args.config)
    languages: list[Any] = (args.language or loaded.technician.language).split("+")
    style = sign.Style(
        languages=tuple(languages),
        size=args.size,
        arms=args.arms,
        draft=args.draft,
    )
    notes = sign.write(loaded, style, args.output)
    print("\n".join([f"{args.output}: written", *notes]))
    return 0
