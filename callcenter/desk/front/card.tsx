/** The card: what was before, what the caller heard, and who it really is. All of it comes from outside: text only. */

import { useEffect, useRef, useState } from "preact/hooks";
import { ContractOf } from "./contract";
import { find, post, refresh, shown, typing } from "./notes";
import type { Card, Earlier, Match } from "./notes";
import { callOut, mayDial } from "./dial";
import { told } from "./server";
import { use } from "./store";
import { duration, moment, seen, word } from "./texts";

/** The register is about a second behind the telephone. */
const REGISTER_MS = 1_500;

export function CallerCard() {
  const open = use(shown);
  if (!open) {
    return (
      <section class="card history" aria-label={word("history")}>
        <h2>{word("history")}</h2>
        <p class="nobody">{word("no_history")}</p>
      </section>
    );
  }
  const { card } = open;
  return (
    <section id="card" class="card history" aria-label={word("history")}>
      {card.contract && <ContractOf contract={card.contract} subjects={card.subjects} />}
      <h2>{word("before_this_call")}</h2>
      {card.earlier.length ? (
        <ul class="earlier">
          {card.earlier.map((one) => (
            <Before key={one.call} one={one} mayHear={card.may_hear} line={card.line} />
          ))}
        </ul>
      ) : (
        <p class="nobody">{word("first_call")}</p>
      )}
      <Now card={card} />
      <Who key={card.call} card={card} />
    </section>
  );
}

function Before({ one, mayHear, line }: { one: Earlier; mayHear: boolean; line: string }) {
  const me = use(told)?.state.me;
  const facts = [
    one.direction === "outgoing" ? word("outgoing_call") : "",
    word(`outcome_${one.outcome}`),
    one.talk >= 1 ? duration(one.talk) : "",
    seen(one.operator),
    one.same_number ? "" : `${word("colleague_number")} ${seen(one.number) || word("anonymous")}`,
    one.recorded ? word("recorded") : "",
  ];
  return (
    <li>
      <p>
        <strong>{one.notes.map((note) => seen(note.subject)).filter(Boolean)[0] ?? word("call")}</strong>{" "}
        <small>{moment(one.at, line)}</small>
      </p>
      <p>
        <small>{facts.filter(Boolean).join(" · ")}</small>
      </p>
      {one.notes.map((note) => (
        <p class="written">
          {note.conduct ? `${word("conduct")}. ` : note.result ? `${word(`result_${note.result}`)}. ` : ""}
          {seen(note.text)}
        </p>
      ))}
      {one.recorded && mayHear && <Player call={one.call} />}
      {me && mayDial(me) && one.number && (
        <div class="row">
          <button
            type="button"
            class="call-back"
            aria-label={`${word("call_back")} ${seen(one.number)}`}
            onClick={() => void callOut(one.number, line)}
          >
            {word("call_back")} <small>{seen(one.number)}</small>
          </button>
        </div>
      )}
    </li>
  );
}

/** The recording is fetched when somebody wants to hear it: that they have heard it is written down. */
function Player({ call }: { call: string }) {
  const [wanted, want] = useState(false);
  const [failed, fail] = useState(false);
  if (failed) return <p class="nobody">{word("no_recording")}</p>;
  if (!wanted) {
    return (
      <p>
        <button type="button" class="listen" onClick={() => want(true)}>
          {word("listen")}
        </button>
      </p>
    );
  }
  return (
    <audio
      controls
      autoplay
      aria-label={word("recording")}
      src={`/api/recording?call=${encodeURIComponent(call)}`}
      onError={() => fail(true)}
    />
  );
}

function Now({ card }: { card: Card }) {
  const said = card.heard.map(({ place, minutes }) =>
    minutes === null ? `${word("place")} ${place}` : `${word("place")} ${place}, ${word("up_to")} ${minutes} ${word("min")}`,
  );
  if (card.info_visits) said.push(`${word("info_menu")}${card.info_visits > 1 ? ` ×${card.info_visits}` : ""}`);
  if (!said.length && !card.handed.length) return null;
  return (
    <>
      <h2>{word("this_call")}</h2>
      <dl>
        {said.length > 0 && (
          <>
            <dt>{word("heard")}</dt>
            <dd id="heard">{said.join(" → ")}</dd>
          </>
        )}
        {card.handed.map((one) => (
          <>
            <dt>{word("handed")}</dt>
            <dd>
              {seen(one.by)} → {seen(one.to || one.target)}
              {one.note && `: «${seen(one.note)}»`}
            </dd>
          </>
        ))}
      </dl>
    </>
  );
}

const known = ({ role, inn, number, contract }: Match): string[] => [
  seen(role),
  inn && `${word("inn")} ${inn}`,
  inn ? "" : number,
  contract && `${word("contract")} ${seen(contract)}`,
];

/** Find the caller's entry by hand; their number can be kept, so that it is known the next time. */
function Who({ card }: { card: Card }) {
  const [asked, ask] = useState("");
  const [found, setFound] = useState<Match[]>([]);
  const [person, setPerson] = useState(card.person);
  const latest = useRef("");
  useEffect(() => {
    latest.current = asked;
    if (asked.trim().length < 3) return setFound([]);
    const timer = setTimeout(async () => {
      const customers = await find(asked.trim());
      if (latest.current === asked) setFound(customers);
    }, 300);
    return () => clearTimeout(timer);
  }, [asked]);

  async function choose({ inn, number, contract }: Match, learn: boolean): Promise<void> {
    const named = { inn, number: inn ? "" : number, contract: inn || number ? "" : contract };
    const body = { call: card.call, ...named, learn, person: learn ? person : "" };
    const answer = await post("/api/identify", body);
    if (answer?.status !== 200) return;
    ask("");
    refresh();
    setTimeout(refresh, REGISTER_MS);
  }

  return (
    <>
      <h2>{word("who_is_it")}</h2>
      {card.person && (
        <p id="person">
          {word("at_this_number")} <strong>{seen(card.person)}</strong>
        </p>
      )}
      {card.identified_by && (
        <p>
          <small>
            {word("identified_by")} {seen(card.identified_by)}
          </small>
        </p>
      )}
      {card.crm_url && (
        <p>
          <a id="crm" href={card.crm_url} target="_blank" rel="noopener noreferrer">
            {word("crm")} <kbd>O</kbd>
          </a>
        </p>
      )}
      <label class="find">
        <span class="legend">
          {word("find_customer")} <kbd>F</kbd>
        </span>
        <input
          id="find"
          type="search"
          maxLength={100}
          autocomplete="off"
          value={asked}
          onInput={(event) => ask(event.currentTarget.value)}
        />
      </label>
      {asked.trim().length >= 3 && (
        <div aria-live="polite">
          {!found.length && <p class="nobody">{word("nobody_found")}</p>}
          {found.length > 0 && card.number && (
            <label class="find">
              <span class="legend">{word("person_there")}</span>
              <input
                id="person-there"
                maxLength={200}
                autocomplete="off"
                value={person}
                onInput={(event) => setPerson(event.currentTarget.value)}
              />
            </label>
          )}
          <ul class="earlier" id="found">
            {found.map((one) => (
              <li key={`${one.inn} ${one.number} ${one.contract} ${one.name}`}>
                <p>
                  <strong>{seen(one.name)}</strong>
                </p>
                <p>
                  <small>{known(one).filter(Boolean).join(" · ")}</small>
                </p>
                <div class="row">
                  <button type="button" onClick={() => void choose(one, false)}>
                    {word("this_is_them")}
                  </button>
                  {card.number && (one.inn || one.number) && (
                    <button type="button" onClick={() => void choose(one, true)}>
                      {word("number_is_theirs")}
                    </button>
                  )}
                </div>
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}

addEventListener("keydown", (event) => {
  if (!shown.value || event.repeat || event.altKey || event.metaKey || event.ctrlKey || event.shiftKey || typing()) return;
  if (event.code === "KeyF") document.getElementById("find")?.focus();
  else if (event.code === "KeyO" && shown.value.card.crm_url) {
    window.open(shown.value.card.crm_url, "_blank", "noopener,noreferrer");
  } else return;
  event.preventDefault();
});
