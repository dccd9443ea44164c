"""The configuration: `Config.load(path)` reads `config.yaml` and checks it as a whole."""

from callcenter.config.configuration import VAR_OVERRIDE, Config
from callcenter.config.line_sections import Hours, Line
from callcenter.config.problems import ConfigError
from callcenter.config.sections import GENERAL_CODE, Group, Person, Phone, SipRegistration, Trunk
from callcenter.config.values import Network, SipAddress, dialled_forms, normalise_number

__all__ = [
    "GENERAL_CODE",
    "VAR_OVERRIDE",
    "Config",
    "ConfigError",
    "Group",
    "Hours",
    "Line",
    "Network",
    "Person",
    "Phone",
    "SipRegistration",
    "SipAddress",
    "Trunk",
    "dialled_forms",
    "normalise_number",
]
