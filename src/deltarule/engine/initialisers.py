"""Initial weights that keep signals, or gradients, of the same size through the layers.

A unit adds fan_in products, so Var(z_in) = fan_in Var(W) Var(z_prev); going back, fan_out takes the
place of fan_in. Keeping the variance through a layer therefore asks for

    Glorot   Var(W) = 2 / (fan_in + fan_out)    the compromise of both directions; for tanh
    He       Var(W) = 2 / fan_in                forward; twice as much, as ReLU halves the power

A uniform distribution on [-b, b] has the variance b^2 / 3, so b = sqrt(3) std. Mind that the
formulas give variances while NumPy asks for the standard deviation.

Sources: Glorot & Bengio (2010), Understanding the difficulty of training deep feedforward neural
networks, equations (12) and (16); He et al. (2015), Delving deep into rectifiers, equation (10).
"""

import numpy as np

from .arrays import Array


def _require_fans(*fans: int) -> None:
    if any(fan < 1 for fan in fans):
        raise ValueError(f"fan_in and fan_out count units and are at least 1, got {fans}")


def glorot_std(fan_in: int, fan_out: int) -> float:
    """Standard deviation of Glorot's initialisers, sqrt(2 / (fan_in + fan_out)).

    Raises:
        ValueError: If a fan is less than 1.
    """
    _require_fans(fan_in, fan_out)
    return float(np.sqrt(2.0 / (fan_in + fan_out)))


def glorot_bound(fan_in: int, fan_out: int) -> float:
    """Largest absolute value of `glorot_uniform`, sqrt(6 / (fan_in + fan_out)).

    Raises:
        ValueError: If a fan is less than 1.
    """
    return float(np.sqrt(3.0)) * glorot_std(fan_in, fan_out)


def he_std(fan_in: int) -> float:
    """Standard deviation of He's initialisers, sqrt(2 / fan_in).

    Raises:
        ValueError: If the fan is less than 1.
    """
    _require_fans(fan_in)
    return float(np.sqrt(2.0 / fan_in))


def he_bound(fan_in: int) -> float:
    """Largest absolute value of `he_uniform`, sqrt(6 / fan_in).

    Raises:
        ValueError: If the fan is less than 1.
    """
    return float(np.sqrt(3.0)) * he_std(fan_in)


def glorot_uniform(rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
    """Draw weights of shape (fan_in, fan_out), uniform on [-b, b) with b = `glorot_bound`.

    Raises:
        ValueError: If a fan is less than 1.
    """
    bound = glorot_bound(fan_in, fan_out)
    return rng.uniform(-bound, bound, (fan_in, fan_out))


def glorot_normal(rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
    """Draw weights of shape (fan_in, fan_out), normal with mean 0 and `glorot_std`.

    Raises:
        ValueError: If a fan is less than 1.
    """
    return rng.normal(0.0, glorot_std(fan_in, fan_out), (fan_in, fan_out))


def he_uniform(rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
    """Draw weights of shape (fan_in, fan_out), uniform on [-b, b) with b = `he_bound`.

    Raises:
        ValueError: If a fan is less than 1.
    """
    _require_fans(fan_in, fan_out)
    bound = he_bound(fan_in)
    return rng.uniform(-bound, bound, (fan_in, fan_out))


def he_normal(rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
    """Draw weights of shape (fan_in, fan_out), normal with mean 0 and `he_std`.

    Raises:
        ValueError: If a fan is less than 1.
    """
    _require_fans(fan_in, fan_out)
    return rng.normal(0.0, he_std(fan_in), (fan_in, fan_out))
