/** By which contract the caller is served: level, plan, paid period; and who does which service (TBS 4.1, 5). */

import { language, seen, word } from "./texts";

export interface Contract {
  paid: boolean;
  /** Whether the line serves paid periods alone. */
  needed: boolean;
  how_to_get: string;
  level: string;
  plan: string;
  contract: string;
  paid_to: string | null;
  /** By subject: operator, user or nobody. */
  services: Record<string, string>;
}

const day = (date: string): string =>
  new Date(`${date}T12:00:00Z`).toLocaleDateString(language, { dateStyle: "medium", timeZone: "UTC" });

function period({ paid, paid_to: to }: Contract): string {
  if (!to) return "";
  return `${word(paid ? "paid_until" : "paid_was_until")} ${day(to)}`;
}

export function ContractOf({ contract, subjects }: { contract: Contract; subjects: [string, string][] }) {
  const lacks = contract.needed && !contract.paid;
  const { level, plan } = contract;
  const facts = [level && `${word("level")} ${seen(level)}`, plan && `${word("plan")} «${seen(plan)}»`, period(contract)];
  const left = subjects.filter(([id]) => ["user", "nobody"].includes(contract.services[id] ?? ""));
  return (
    <div id="contract" data-lacks={lacks}>
      {lacks && (
        <p class="alarm" id="not-paid">
          <strong>▲ {word("not_paid")}</strong> {contract.how_to_get}
        </p>
      )}
      <p>
        <small>
          {[contract.contract && `${word("contract")} ${seen(contract.contract)}`, ...facts].filter(Boolean).join(" · ") ||
            word("no_contract")}
        </small>
      </p>
      {left.length > 0 && (
        <details>
          <summary>{word("services_of_plan")}</summary>
          <ul>
            {left.map(([id, title]) => (
              <li key={id}>
                {title} — {word(`service_${contract.services[id]}`)}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}
