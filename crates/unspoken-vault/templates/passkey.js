// Asks the browser for a passkey, and sends what it gives with the form of the button. Nothing is
// fetched, and nothing is written into the page but the one sentence that stands there hidden.
(() => {
  "use strict";
  if (!window.PublicKeyCredential || !navigator.credentials) return;

  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
      .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

  const get = async ({ challenge, party, verify }) => {
    const publicKey = { challenge: bytes(challenge), rpId: party, userVerification: verify };
    const { rawId, response } = await navigator.credentials.get({ publicKey });
    return {
      credential: rawId,
      client: response.clientDataJSON,
      authenticator: response.authenticatorData,
      signature: response.signature,
      user: response.userHandle,
    };
  };

  const create = async ({ challenge, party, person, email, label, known, algorithms }) => {
    const publicKey = {
      challenge: bytes(challenge),
      rp: { id: party, name: "Unspoken" },
      user: { id: new TextEncoder().encode(person), name: email, displayName: label },
      pubKeyCredParams: algorithms.split(" ").map((alg) => ({ type: "public-key", alg: Number(alg) })),
      attestation: "none",
      authenticatorSelection: {
        residentKey: "required", requireResidentKey: true, userVerification: "required",
      },
      excludeCredentials: known.split(" ").filter(Boolean)
        .map((id) => ({ type: "public-key", id: bytes(id) })),
    };
    const { response } = await navigator.credentials.create({ publicKey });
    return { client: response.clientDataJSON, attestation: response.attestationObject };
  };

  for (const button of document.querySelectorAll("button[data-ask]")) {
    const form = button.form;
    const problem = form.querySelector("[data-problem]");
    button.closest("[data-offer]").hidden = false;
    button.addEventListener("click", async () => {
      if (!form.reportValidity()) return;
      button.disabled = true;
      problem.hidden = true;
      try {
        const found = await (button.dataset.ask === "create" ? create : get)(button.dataset);
        for (const [name, value] of Object.entries(found)) {
          form.elements.namedItem(name).value = value ? text(value) : "";
        }
        form.submit();
      } catch {
        problem.hidden = false;
        button.disabled = false;
      }
    });
  }
  for (const without of document.querySelectorAll("[data-without]")) without.hidden = true;
})();
