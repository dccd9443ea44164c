"""The sections of `config.yaml`: the settings, their allowed ranges and their defaults.

Every entry of a named section (`lines`, `people`, …) has its own name as `id`. Durations are seconds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from callcenter.config.line_sections import LONGEST_RETENTION, OPERATORS
from callcenter.config.roles import TAKES_CALLS, Role
from callcenter.config.section import Named, Section
from callcenter.config.values import (
    Address,
    AreaCode,
    Bind,
    Code,
    DisplayText,
    FilePath,
    GroupId,
    Host,
    IceUrl,
    PersonId,
    PhoneAddress,
    PhoneName,
    Port,
    Subnet,
    TransferCode,
    Username,
    WebSocketUrl,
    WebUrl,
)
from callcenter.core import ids

GENERAL_CODE = "0"
"""The transfer code of the general line: it follows `codes.transfer` as a group's code does."""

FORMER_SUPERVISOR = frozenset({Role.OPERATOR, Role.SUPERVISOR, Role.HEAD})
"""The roles of somebody with `supervisor: true`, as it was written before there were roles."""

SHORTEST_AUDIT = 31
"""Days. The register itself refuses to delete newer entries (migration 0011)."""

SHORTEST_SESSION = 90
"""Seconds. No carrier accepts a shorter session timer (RFC 4028)."""


class Group(Named):
    """Operators who answer the same questions (ESTP 5.7)."""

    id: ids.GroupId = Field(alias="(id)")
    title: DisplayText
    transfer_code: TransferCode | None = None
    """The digits after a transfer code during a conversation; None: no transfer to this group by telephone."""


class Person(Named):
    """An account of somebody who works here (ESTP 5.3.1). Passwords and PINs are in the secrets file."""

    id: ids.PersonId = Field(alias="(id)")
    name: DisplayText
    named_roles: Annotated[frozenset[Role], Field(min_length=1)] | None = Field(default=None, alias="roles")
    supervisor: bool = False
    """The former way to say `roles: [operator, supervisor, head]`."""
    group: GroupId = OPERATORS
    phone: PhoneName
    """Group and phone count only for people who take calls."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.supervisor and self.named_roles is not None:
            raise ValueError("found supervisor beside roles; roles alone, with supervisor among them")
        return self

    @property
    def roles(self) -> frozenset[Role]:
        """What they may see and do. Before there were roles, supervisors also wrote news and articles."""
        if self.named_roles is not None:
            return self.named_roles
        return FORMER_SUPERVISOR if self.supervisor else frozenset({Role.OPERATOR})

    @property
    def takes_calls(self) -> bool:
        """Whether they open shifts."""
        return bool(self.roles & TAKES_CALLS)


def browser_phone(person: str) -> ids.PhoneName:
    """Return the name of the phone in a person's page."""
    return ids.PhoneName(f"{person}-web")


Dtmf = Literal["auto", "events", "in_band"]
"""How keys arrive. auto: as telephone events and in the voice band, whichever the phone uses (in an operator's
conversation: in the voice band only if the phone offers no events). events: never in the voice band. in_band: only
there."""


class Phone(Named):
    """A desk phone or softphone. It registers with its own password, or has a fixed address."""

    id: ids.PhoneName = Field(alias="(id)")
    address: PhoneAddress | None = None
    shared: bool = False
    """Whether several people use it in turn."""
    dtmf: Dtmf = "auto"
    browser: bool = False
    """Whether it is the phone in somebody's page. Such phones need no description: `browser_phone` names them."""

    @property
    def sip_registers(self) -> bool:
        """Whether it registers, with a password in the secrets file."""
        return self.address is None and not self.browser


class SipRegistration(Section):
    """An account at a telephony provider. Its password is `trunks: <id>` in the secrets file."""

    host: Host
    port: Port = 5060
    username: Username
    from_domain: Host | None = None
    transport: Literal["udp", "tcp", "tls"] = "udp"
    """tcp and tls: only if `asterisk.tcp` or `asterisk.tls` is set."""


class Trunk(Named):
    """Where calls come from: a provider with registration, or networks whose calls are accepted."""

    networks: tuple[Subnet, ...] = ()
    provider: SipRegistration | None = None
    outgoing: Address | None = None
    """Where a trunk of networks sends calls to the general line; a provider is dialled at its host."""
    dtmf: Dtmf = "auto"
    behind_nat: bool = False
    """Whether its audio goes back to the address it comes from, instead of the announced one."""
    max_calls: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Callers at the same time; None: as many as all lines have places (`limits.callers`)."""
    session_expires: Annotated[int, Field(ge=0, le=86_400)] = 1800
    """Seconds after which a call ends that the other side has not confirmed (RFC 4028): it is asked at half time. 0: it
    is not asked."""
    area: AreaCode | None = None
    """Country and area code that local numbers of this trunk lack (dialled or calling); None: it sends none."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if bool(self.networks) == (self.provider is not None):
            found = "both networks and provider" if self.networks else "neither networks nor provider"
            raise ValueError(f"found {found}; one of them is required")
        if self.provider and self.outgoing:
            raise ValueError("found outgoing beside provider; calls to a provider go to its host")
        if 0 < self.session_expires < SHORTEST_SESSION:
            raise ValueError(
                f"found session_expires: {self.session_expires}; allowed are 0 (never) and {SHORTEST_SESSION} or more"
            )
        return self

    @property
    def places_calls(self) -> bool:
        """Whether calls can be placed over it."""
        return self.provider is not None or self.outgoing is not None


class Codes(Section):
    """The codes that operators dial: the first six from a phone at rest, the others during a conversation.

    `subject` and `conduct` are dialled during a conversation, or afterwards at rest.
    """

    log_in: Code = "*11"
    log_out: Code = "*12"
    pause: Code = "*13"
    return_: Code = Field(default="*14", alias="return")
    end: Code = "*15"
    """End the own conversation, of which the phone knows nothing any more; the caller is served again first."""
    echo: Code = "*16"
    """Hear oneself: proves the phone and the line."""
    transfer: Code = "*2"
    """Followed by a group's transfer_code: transfer the caller directly."""
    consult: Code = "*3"
    """Followed by a group's transfer_code: talk to the colleague first."""
    take_back: Code = "*0"
    complete: Code = "*4"
    not_customer: Code = "*9"
    """Send the caller to the general line (ESTP 2.1)."""
    subject: Code = "*7"
    """Followed by the number of a subject, in the order of the line's `subjects`: register the call (ESTP 3.1)."""
    conduct: Code = "*6"
    """«Хулиганство»: end the conversation with the words for that, and register it so (ESTP 5.6.3, eLot 2.11)."""


class Timings(Section):
    """How long phones ring, wrap-up lasts, and callers and phones without a sign of life are waited for."""

    ring_timeout: Annotated[float, Field(ge=3, le=120)] = 15.0
    silent_phone: Annotated[float, Field(ge=1, le=120)] = 4.0
    """A phone that does not begin to ring within this time is passed over: it is out of reach, or broken."""
    phone_check: Annotated[int, Field(ge=0, le=3600)] = 15
    """Seconds between two questions to each phone whether it is there (SIP OPTIONS); 0: phones are not asked."""
    wrap_up: Annotated[float, Field(ge=0, le=3600)] = 20.0
    take_back: Annotated[float, Field(ge=0, le=120)] = 20.0
    """If a phone or page is gone in a conversation, the caller is kept for its operator so long; 0: not at all."""
    false_answer: Annotated[float, Field(ge=0, le=10)] = 0.5
    """If a phone answers and hangs up sooner than this, the call does not count as answered."""
    vanished_after: Annotated[int, Field(ge=3, le=600)] = 20
    """Whole seconds without audio, RTCP and SIP answers after which a caller or phone counts as vanished."""
    shift_kept: Annotated[float, Field(ge=0, le=86400)] = 900.0
    """A shift survives an absence of the controller up to this long (ESTP 5.3.1)."""


class Accounts(Section):
    """How wrong passwords and PINs delay further attempts from the same address, browser or phone; second factors."""

    wrong_secrets_allowed: Annotated[int, Field(ge=1, le=20)] = 3
    wrong_secret_delay: Annotated[float, Field(ge=1, le=3600)] = 30.0
    one_time_hours: Annotated[float, Field(ge=1, le=720)] = 72.0
    """How long a one-time password can be changed; afterwards it opens nothing."""
    second_factor: frozenset[Role] = frozenset()
    """The roles that log in to the page with a code from an app, too (TOTP). Others may."""


class SignOn(Section):
    """Logging in at an identity provider (OpenID Connect), beside passwords. Its secret is in var/secrets.yaml."""

    issuer: WebUrl
    """As the provider names itself; its description is below this address."""
    client_id: Annotated[str, Field(min_length=1, max_length=200)]
    address: WebUrl
    """Under which browsers know the desk: the provider sends them back to <address>/sign-on/back."""
    title: DisplayText = "Единый вход"
    """What the button says."""
    scopes: tuple[Annotated[str, Field(pattern=r"^[!#-\[\]-~]{1,100}$")], ...] = ("openid", "profile")
    claim: Annotated[str, Field(min_length=1, max_length=100)] = "preferred_username"
    """What of the provider's answer names the person …"""
    people: dict[Annotated[str, Field(min_length=1, max_length=200)], PersonId]
    """… and whose account each value is for. Roles are ours alone."""

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends browsers back to."""
        return f"{self.address.rstrip('/')}/sign-on/back"

    @field_validator("scopes")
    @classmethod
    def _with_openid(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes:
            raise ValueError("`openid` among the scopes: without it there is no answer about the person")
        return scopes


class Audit(Section):
    """The list of who saw or heard whose data, and who changed what."""

    keep_days: Annotated[int, Field(ge=SHORTEST_AUDIT, le=LONGEST_RETENTION)] = 1095
    """Days until an entry is deleted."""


class News(Section):
    """What is to be read before a shift (ESTP 5.2)."""

    phone_log_in: Literal["tell", "refuse"] = "tell"
    """What unread news does to a log-in by telephone, where nothing can be read."""


class Recordings(Section):
    """Where recordings are kept, and for how long (ESTP 2.6)."""

    folder: FilePath = Field(default=Path("recordings"), validate_default=True)
    retention_days: Annotated[int, Field(ge=1, le=LONGEST_RETENTION)] = 1095
    """Days from the call's end to the deletion of its recording; a line may have its own value."""
    legal_minimum_days: Annotated[int, Field(ge=0, le=LONGEST_RETENTION)] = 0
    """The minimum for all lines."""
    check_after: Annotated[float, Field(ge=0, le=86_400)] = 120.0
    """Seconds from the call's end to the check of its recording against the conversation."""
    min_free_mb: Annotated[int, Field(ge=1, le=100_000_000)] = 500
    """Megabytes (10^6 bytes). With less free space on either disk, no new recording is started."""
    when_full: Literal["go_on", "close_line"] = "go_on"
    """Either calls continue without recording, or no new caller is admitted."""


class PersonalData(Section):
    """How long it is known who called: numbers, names and INN of callers (152-ФЗ)."""

    keep_days: Annotated[int, Field(ge=1, le=LONGEST_RETENTION)] = 1095
    """Days from a call's arrival until its number, name and INN are erased from the register; the figures stay."""


class Http(Section):
    """The operators' page, the API and the metrics."""

    bind: Bind = "127.0.0.1"
    port: Port = 8080
    metrics_bind: Bind = "127.0.0.1"
    metrics_port: Port | None = None
    """A port of its own for /metrics and /healthz, at `metrics_bind`; None: they are served together with the page."""
    proxies: tuple[Subnet, ...] = ()
    """Our reverse proxies: behind them, a request comes from the address that they write into X-Forwarded-For."""
    connections: Annotated[int, Field(ge=16, le=20_000)] = 512
    """Connections at the same time; not more than the system's limit of open files allows."""
    connections_per_address: Annotated[int, Field(ge=4, le=20_000)] = 128
    """Of these, from one address that is not a proxy."""


class Tls(Section):
    """SIP over TLS: its port, and the files (PEM) of certificate and key."""

    port: Port = 5061
    certificate: FilePath
    key: FilePath


class Certificate(Section):
    """The desk's certificate and its key (PEM), with which the page and the phones in it use TLS."""

    certificate: FilePath
    key: FilePath


class Turn(Section):
    """TURN servers, for pages whose network lets no audio through; the secret they share with us is in var/."""

    urls: Annotated[tuple[IceUrl, ...], Field(min_length=1, max_length=8)]
    lifetime: Annotated[int, Field(ge=600, le=86_400)] = 14 * 3600
    """Seconds for which what a page is given lets it in: longer than a shift."""


class Browsers(Section):
    """Where the phones in the operators' pages reach Asterisk (WebRTC: SIP over WebSocket, audio over DTLS-SRTP)."""

    bind: Bind = "127.0.0.1"
    port: Port = 8088
    certificate: FilePath | None = None
    key: FilePath | None = None
    """PEM files. With them, the port speaks TLS (wss); browsers need that from any other machine."""
    url: WebSocketUrl | None = None
    """What browsers are told, if a reverse proxy stands before the port; None: this port at the page's own host."""
    turn: Turn | None = None
    vanished_after: Annotated[int, Field(ge=2, le=600)] = 4
    """Whole seconds without anything from a page, after which it counts as vanished: no browser is silent by itself."""
    sound_check: bool = True
    """Whether a page takes no calls in a shift before its operator has heard the echo there."""

    @model_validator(mode="after")
    def _both_files(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            found, lacking = ("certificate", "key") if self.certificate else ("key", "certificate")
            raise ValueError(f"found {found} without {lacking}; both of them, or none")
        return self


class Asterisk(Section):
    """The Asterisk that carries the calls."""

    start: bool = True
    """Whether `callcenter run` starts its own Asterisk; otherwise one must run at ami_host:ami_port."""
    sip_bind: Bind = "127.0.0.1"
    sip_port: Port = 5060
    phone_address: Host | None = None
    """The address that phones use, for what is printed; None: sip_bind, or if that is 0.0.0.0 this machine's own."""
    external_address: Host | None = None
    """The address under which providers reach us, if it is not our own (NAT)."""
    tcp: bool = False
    """Whether Asterisk accepts SIP over TCP, too, at the same port."""
    tls: Tls | None = None
    browsers: Browsers | None = None
    """None: no phones in the page."""
    encrypt_audio: Literal["never", "when_possible", "always"] = "never"
    """SRTP, with keys in the SIP message (SDES). when_possible: offered, and used with those that answer with it."""
    audio_from: Literal["learned", "announced"] = "learned"
    """Where audio is accepted from. announced: only from the address and port in SDP. learned: from others, too, if
    nothing comes from there; phones and trunks that announce a wrong address (NAT) need this."""
    rtp_first: Annotated[int, Field(ge=1024, le=65535)] = 10_000
    rtp_last: Annotated[int, Field(ge=1024, le=65535)] = 10_999
    codecs: Annotated[tuple[Literal["alaw", "ulaw", "g722", "opus"], ...], Field(min_length=1)] = ("alaw", "ulaw")
    ami_host: Host = "127.0.0.1"
    """Where the daemon connects to the manager interface (AMI)."""
    ami_bind: Bind = "127.0.0.1"
    """The address on which Asterisk offers it."""
    ami_port: Port = 5038
