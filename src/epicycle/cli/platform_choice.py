"""The option --platform: train on a CPU or on a GPU."""


def choose_platform(platform: str | None) -> None:
    """Make JAX use a platform; None leaves the choice to JAX.

    Raises:
        InputError: the name is neither cpu nor gpu, or JAX finds no such device.
    """
    if platform is None:
        return
    from epicycle.spec.errors import InputError
    from epicycle.training.devices import choose_platform as choose

    if platform not in ("cpu", "gpu"):
        raise InputError(f"--platform {platform}: choose cpu or gpu.")
    choose(platform)  # type: ignore[arg-type]
