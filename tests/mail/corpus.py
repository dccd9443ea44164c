"""Mails as programs and servers write them, each with what it has to be read as. Written for this project."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from email.header import Header
from email.utils import quote

from callcenter.mail.ids import MessageIds
from callcenter.requests.belonging import Nature

IDS = MessageIds("secret")
OURS = IDS.of("ESTP-2026-000123/2", "estp.ru")
TOLD = IDS.of("ESTP-2026-000123/received", "estp.ru")
KEY = "ESTP-2026-000123/2"
FROM = "From: =?utf-8?b?0J/RkdGC0YA=?= <petr@customer.ru>"


@dataclass(frozen=True)
class Sample:
    name: str
    raw: bytes
    new: str = ""
    """What is new in its text."""
    quoted: str = ""
    """What stands in a quoted part."""
    subject: str | None = None
    sender: str = "petr@customer.ru"
    nature: Nature = Nature.WRITTEN
    quiet: bool = False
    answers: tuple[str, ...] = ()
    """Keys of ours to which it refers."""
    files: tuple[str, ...] = ()
    readable: bool = True
    page: bool = False


def m(
    *headers: str, body: str | bytes = "Привет", charset: str = "utf-8", kind: str = "text/plain", who: str = FROM
) -> bytes:
    """Return a mail of one part."""
    head = [who, "To: info@estp.ru", *headers, "MIME-Version: 1.0"]
    head += [f"Content-Type: {kind}; charset={charset}", "Content-Transfer-Encoding: 8bit", "", ""]
    content = body if isinstance(body, bytes) else body.replace("\n", "\r\n").encode(charset)
    return "\r\n".join(head).encode() + content


def parts(*some: bytes, headers: tuple[str, ...] = (), kind: str = "mixed", more: str = "", who: str = FROM) -> bytes:
    """Return a mail of several parts."""
    head = [
        who,
        "To: info@estp.ru",
        *headers,
        "MIME-Version: 1.0",
        f'Content-Type: multipart/{kind}; boundary="=b"{more}',
    ]
    return "\r\n".join([*head, "", ""]).encode() + b"".join(b"--=b\r\n" + one + b"\r\n" for one in some) + b"--=b--\r\n"


def part(content: str | bytes, kind: str = "text/plain; charset=utf-8", *headers: str) -> bytes:
    """Return a part in base64."""
    raw = content if isinstance(content, bytes) else content.encode()
    head = [f"Content-Type: {kind}", "Content-Transfer-Encoding: base64", *headers, "", ""]
    return "\r\n".join(head).encode() + base64.encodebytes(raw).replace(b"\n", b"\r\n")


def report(action: str, original: bytes, human: str = "Доставить не удалось.") -> bytes:
    """Return a report on a delivery (RFC 3464)."""
    status = (
        f"Reporting-MTA: dns; mx.customer.ru\r\n\r\nFinal-Recipient: rfc822; petr@customer.ru\r\nAction: {action}\r\n"
    )
    status += "Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 user unknown\r\n"
    return parts(
        part(human), b"Content-Type: message/delivery-status\r\n\r\n" + status.encode(), original,
        headers=("Subject: Undelivered Mail Returned to Sender", "Auto-Submitted: auto-replied", "Return-Path: <>"),
        kind="report", more="; report-type=delivery-status", who="From: MAILER-DAEMON@mx.customer.ru",
    )  # fmt: skip


ORIGINAL = b"Content-Type: message/rfc822\r\n\r\nMessage-ID: " + OURS.encode() + b"\r\nSubject: x\r\n\r\ntext\r\n"
HEADERS_ONLY = b"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: " + OURS.encode() + b"\r\n"
RE = f"In-Reply-To: {OURS}"
OUTLOOK_EN = "Thanks.\n\nFrom: Support <info@estp.ru>\nSent: Monday, November 30, 2026 10:00 AM\nTo: Peter\nSubject: Re: x\n\nold words"
OUTLOOK_RU = "Спасибо.\n\n________________________________\nОт: Поддержка <info@estp.ru>\nОтправлено: 30 ноября 2026 г. 10:00\nКому: Пётр\nТема: x\n\nстарые слова"
KOI8 = "Здравствуйте, не подписывается контракт".encode("koi8-r")
CP1251 = "Здравствуйте, не подписывается контракт".encode("cp1251")
NEW = "Здравствуйте, не подписывается контракт"
D = Nature.RETURNED
A = Nature.AUTOMATIC

CORPUS = (
    # What is quoted
    Sample(
        "gmail in Russian",
        m(RE, body="Не помогло.\n\nпн, 30 нояб. 2026 г. в 10:00, Поддержка <info@estp.ru>:\n\n> старые слова\n"),
        "Не помогло.",
        "старые слова",
        answers=(KEY,),
    ),
    Sample(
        "gmail in English, its heading broken in two",
        m(
            RE,
            body="No.\n\nOn Mon, Nov 30, 2026 at 10:00 AM Support Service of the Platform\n<info@estp.ru> wrote:\n\n> old words\n",
        ),
        "No.",
        "old words",
        answers=(KEY,),
    ),
    Sample(
        "yandex",
        m(RE, body='Не помогло.\n\n30.11.2026, 10:00, "Поддержка" <info@estp.ru>:\n> старые слова\n'),
        "Не помогло.",
        "старые слова",
        answers=(KEY,),
    ),
    Sample(
        "yandex, html alone",
        m(
            RE,
            body='<div>Не помогло.</div><div>30.11.2026, 10:00, "Поддержка" &lt;info@estp.ru&gt;:</div><blockquote>старые слова</blockquote>',
            kind="text/html",
        ),
        "Не помогло.",
        "старые слова",
        answers=(KEY,),
        page=True,
    ),
    Sample(
        "mail.ru",
        m(
            RE,
            body="Не помогло.\n\n  \nПонедельник, 30 ноября 2026, 10:00 +03:00 от Поддержка <info@estp.ru>:\n>старые слова\n>\n",
        ),
        "Не помогло.",
        "старые слова",
        answers=(KEY,),
    ),
    Sample("outlook in English", m(RE, body=OUTLOOK_EN), "Thanks.", "old words", answers=(KEY,)),
    Sample("outlook in Russian", m(RE, body=OUTLOOK_RU), "Спасибо.", "старые слова", answers=(KEY,)),
    Sample(
        "outlook, original message",
        m(RE, body="Да.\n\n-----Original Message-----\nFrom: Support\nSent: today\n\nold words"),
        "Да.",
        "old words",
        answers=(KEY,),
    ),
    Sample(
        "thunderbird in Russian",
        m(RE, body="Не помогло.\n\n30.11.2026 10:00, Поддержка пишет:\n> старые слова\n"),
        "Не помогло.",
        "старые слова",
        answers=(KEY,),
    ),
    Sample(
        "thunderbird in English",
        m(RE, body="No.\n\nOn 30/11/2026 10:00, Support wrote:\n> old words\n"),
        "No.",
        "old words",
        answers=(KEY,),
    ),
    Sample(
        "answers between the quotes",
        m(RE, body="On 30/11/2026 10:00, Support wrote:\n> Какой браузер?\nХром.\n> Какая система?\nWindows.\n"),
        "Хром.\nWindows.",
        "Какая система?",
        answers=(KEY,),
    ),
    Sample("nothing but a quote", m(body="> слова"), "> слова"),
    Sample(
        "a price list is no quote",
        m(body="Счёт от: 30.11.2026\nДата: завтра\nСумма: 5"),
        "Счёт от: 30.11.2026\nДата: завтра\nСумма: 5",
    ),
    # Threads
    Sample("references alone", m(f"References: <a@b> {OURS} <c@d>"), "Привет", answers=(KEY,)),
    Sample(
        "an acknowledgement is answered", m(f"In-Reply-To: {TOLD}"), "Привет", answers=("ESTP-2026-000123/received",)
    ),
    Sample("a forged reference", m("In-Reply-To: <ESTP-2026-000123.2.000000000000000000000000@estp.ru>"), "Привет"),
    Sample(
        "passed on to us",
        m(
            "Subject: Fwd: Ошибка",
            body="Посмотрите.\n\n-------- Пересылаемое сообщение --------\nОт: Иван\nДата: вчера\n\nне работает",
        ),
        "Посмотрите.",
        "не работает",
        "Fwd: Ошибка",
    ),
    Sample(
        "passed on without a word",
        m(body="---------- Forwarded message ---------\nFrom: Ivan\nDate: today\n\nне работает"),
        "---------- Forwarded message ---------\nFrom: Ivan\nDate: today\n\nне работает",
    ),
    # Charsets
    Sample("koi8-r", m(body=KOI8, charset="koi8-r"), NEW),
    Sample("cp1251 that claims to be latin", m(body=CP1251, charset="iso-8859-1"), NEW),
    Sample("koi8-r without a charset", m(body=KOI8, charset="us-ascii"), NEW),
    Sample("a charset that nobody knows", m(body=CP1251, charset="x-windows-cyrillic"), NEW),
    Sample("a codec that is no charset", m(body=b"aGk=", charset="base64"), "aGk="),
    Sample(
        "utf-8 that claims to be cp1251 is what it claims", m(body="Да".encode("cp1251"), charset="windows-1251"), "Да"
    ),
    Sample(
        "a subject in koi8-r",
        m("Subject: " + Header("Ошибка в подписи", "koi8-r").encode()),
        "Привет",
        subject="Ошибка в подписи",
    ),
    Sample(
        "a subject in bare cp1251",
        m("Subject: x").replace(b"Subject: x", b"Subject: " + "Ошибка в подписи".encode("cp1251")),
        "Привет",
        subject="Ошибка в подписи",
    ),
    Sample("a broken encoded word", m("Subject: =?utf-8?b?!!!?= =?x-no?q?a?="), "Привет"),
    Sample(
        "a comma in an encoded name",
        m(who="From: =?utf-8?b?" + base64.b64encode("Иванов, Пётр".encode()).decode() + "?= <petr@customer.ru>"),
        "Привет",
    ),
    # Files
    Sample(
        "winmail.dat",
        parts(
            part("Документ"),
            part(
                b"\x78\x9f\x3e\x22",
                'application/ms-tnef; name="winmail.dat"',
                'Content-Disposition: attachment; filename="winmail.dat"',
            ),
        ),
        "Документ",
        files=("winmail.dat",),
    ),
    Sample(
        "a name in RFC 2231",
        parts(
            part("Вот"),
            part(
                b"%PDF-",
                "application/pdf",
                "Content-Disposition: attachment; filename*0*=utf-8''%D0%94%D0%BE%D0%B3; filename*1*=%D0%BE%D0%B2%D0%BE%D1%80.pdf",
            ),
        ),
        "Вот",
        files=("Договор.pdf",),
    ),
    Sample(
        "a name as Outlook writes it",
        parts(
            part("Вот"),
            part(
                b"%PDF-",
                "application/pdf",
                'Content-Disposition: attachment; filename="' + Header("Договор.pdf", "utf-8").encode() + '"',
            ),
        ),
        "Вот",
        files=("Договор.pdf",),
    ),
    Sample(
        "a name that climbs",
        parts(
            part("Вот"), part(b"x", "text/plain", 'Content-Disposition: attachment; filename="../../etc/passwd.txt"')
        ),
        "Вот",
        files=("../../etc/passwd.txt",),
    ),
    Sample(
        "a mail in a mail",
        parts(part("Смотрите письмо"), b"Content-Type: message/rfc822\r\n\r\nFrom: a@b.ru\r\nSubject: x\r\n\r\ninner"),
        "Смотрите письмо",
        files=("x.eml",),
    ),
    Sample(
        "html with a picture of its own and one from elsewhere",
        parts(
            part(
                '<p>Вот <img src="cid:1"><img src="http://spy.example/1.gif"></p><script>alert(1)</script>',
                "text/html; charset=utf-8",
            ),
            part(b"\x89PNG\r\n\x1a\n", "image/png", "Content-ID: <1>"),
            kind="related",
        ),
        "Вот",
        files=("picture-1.png",),
        page=True,
    ),
    Sample(
        "both ways of writing it",
        parts(part("Как текст"), part("<b>Как страница</b>", "text/html; charset=utf-8"), kind="alternative"),
        "Как текст",
        page=True,
    ),
    # Machines
    Sample(
        "on holiday, Outlook",
        m("Subject: Automatic reply: x", "Auto-Submitted: auto-replied", "X-Auto-Response-Suppress: All", RE),
        "Привет",
        nature=A,
        quiet=True,
        answers=(KEY,),
    ),
    Sample("on holiday, in words alone", m("Subject: Автоответ: в отпуске"), "Привет", nature=A),
    Sample("a mailing", m("Precedence: bulk", "List-Unsubscribe: <mailto:x@y.ru>"), "Привет", nature=A, quiet=True),
    Sample("a person on a list", m("Precedence: list", "List-Id: <x.y.ru>", RE), "Привет", quiet=True, answers=(KEY,)),
    Sample("an empty return path", m("Return-Path: <>"), "Привет", nature=A),
    Sample("a program's notice", m("Auto-Submitted: auto-generated; x=y"), "Привет", nature=A),
    # What came back
    Sample(
        "a bounce of Postfix",
        report("failed", ORIGINAL),
        "Доставить не удалось.",
        subject="Undelivered Mail Returned to Sender",
        sender="MAILER-DAEMON@mx.customer.ru",
        nature=D,
        answers=(KEY,),
        files=("part-1.txt", "x.eml"),
    ),
    Sample(
        "a bounce with headers alone",
        report("failed", HEADERS_ONLY),
        "Доставить не удалось.",
        sender="MAILER-DAEMON@mx.customer.ru",
        nature=D,
        answers=(KEY,),
        files=("part-1.txt", "part-2.txt"),
    ),
    Sample(
        "a delay is no bounce",
        report("delayed", ORIGINAL),
        "Доставить не удалось.",
        sender="MAILER-DAEMON@mx.customer.ru",
        nature=A,
        answers=(KEY,),
        files=("part-1.txt", "x.eml"),
    ),
    Sample(
        "a bounce in words alone, as qmail and Exim write it",
        m(
            "Subject: Mail delivery failed: returning message to sender",
            "Return-Path: <>",
            body=f"550 5.1.1 no such user\n\nMessage-ID: {OURS}\n\nold",
            who="From: Mailer-Daemon@mx.customer.ru",
        ),
        f"550 5.1.1 no such user\n\nMessage-ID: {OURS}\n\nold",
        sender="Mailer-Daemon@mx.customer.ru",
        nature=D,
        answers=(KEY,),
    ),
    # What is broken or hostile
    Sample("nothing at all", b"", "", sender=""),
    Sample("no sender", m(who="X-None: 1"), "Привет", sender=""),
    Sample("a sender with a command in it", m(who='From: "a\r\n Bcc: x@y.ru" <petr@customer.ru>'), "Привет"),
    Sample(
        "a boundary that never ends",
        b"From: petr@customer.ru\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nstart",
        "start",
    ),
    Sample("two thousand recipients", m("Cc: " + ", ".join(f"u{n}@example.ru" for n in range(2000))), "Привет"),
    Sample("twelve thousand headers", m(*(f"X-{n}: {quote('x')}" for n in range(12_000))), "Привет"),
    Sample("base64 that is none", m("X: y", body="!!!!").replace(b"8bit", b"base64"), ""),
)
