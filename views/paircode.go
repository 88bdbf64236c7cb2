package views

import (
	"slices"
	"strings"

	"pombal/internal/instance"
)

// CodeForm is what was typed to get a pairing code or to answer a passkey, and
// what was wrong with it.
type CodeForm struct {
	Country, Phone, Answer string
	Errors                 FieldErrors
}

// country is a choice of the country menu.
type country struct{ Code, Name string }

// countries are those of the menu, under their own names. A number that begins
// with + needs none of them.
func countries() []country {
	return []country{
		{"54", "Argentina"}, {"591", "Bolivia"}, {"55", "Brasil"}, {"56", "Chile"}, {"57", "Colombia"}, {"506", "Costa Rica"},
		{"593", "Ecuador"}, {"503", "El Salvador"}, {"34", "España"}, {"502", "Guatemala"}, {"504", "Honduras"}, {"52", "México"},
		{"505", "Nicaragua"}, {"507", "Panamá"}, {"595", "Paraguay"}, {"51", "Perú"}, {"598", "Uruguay"}, {"58", "Venezuela"},
		{"244", "Angola"}, {"258", "Moçambique"}, {"351", "Portugal"}, {"91", "भारत"}, {"977", "नेपाल"}, {"880", "বাংলাদেশ"},
		{"92", "پاکستان"}, {"94", "Sri Lanka"}, {"49", "Deutschland"}, {"33", "France"}, {"39", "Italia"}, {"44", "United Kingdom"},
		{"1", "USA / Canada"}, {"971", "UAE"}, {"27", "South Africa"}, {"234", "Nigeria"}, {"254", "Kenya"}, {"62", "Indonesia"},
	}
}

// country is the country that is chosen: the one that was sent, or the likely
// one.
func (p InstancePanel) country() string {
	if p.Ask.Country != "" {
		return p.Ask.Country
	}
	return p.Country
}

// KnownCountry says whether the menu has a calling code.
func KnownCountry(code string) bool {
	return slices.ContainsFunc(countries(), func(c country) bool { return c.Code == code })
}

// CountryOfRegion gives the calling code of a region, such as BR; empty when
// the menu does not have it.
func CountryOfRegion(region string) string {
	return map[string]string{
		"AR": "54", "BO": "591", "BR": "55", "CL": "56", "CO": "57", "CR": "506", "EC": "593", "SV": "503", "ES": "34", "GT": "502",
		"HN": "504", "MX": "52", "NI": "505", "PA": "507", "PY": "595", "PE": "51", "UY": "598", "VE": "58", "AO": "244", "MZ": "258",
		"PT": "351", "IN": "91", "NP": "977", "BD": "880", "PK": "92", "LK": "94", "DE": "49", "FR": "33", "IT": "39", "GB": "44",
		"US": "1", "CA": "1", "AE": "971", "ZA": "27", "NG": "234", "KE": "254", "ID": "62",
	}[region]
}

// mayAskCode says whether a pairing code could be asked for now.
func (p InstancePanel) mayAskCode() bool {
	in := p.Instance
	if in.Linked() || in.State != instance.Active {
		return false
	}
	switch in.Status.Phase {
	case instance.PhaseNew, instance.PhaseQR, instance.PhaseCode, instance.PhaseLinkExpired, instance.PhasePairFailed,
		instance.PhaseLoggedOut:
		return true
	default:
		return false
	}
}

// grouped writes a pairing code in two halves.
func grouped(code string) string {
	code = strings.ReplaceAll(code, "-", "")
	if len(code) != 8 {
		return code
	}
	return code[:4] + "-" + code[4:]
}

// spelled writes a code so that screen readers say each character.
func spelled(code string) string {
	return strings.Join(strings.Split(strings.ReplaceAll(code, "-", ""), ""), " ")
}

// passkeyScript asks the browser's passkey, on WhatsApp's own page, and puts
// its answer into the clipboard: copy is a command of the console.
func passkeyScript(k *instance.Passkey) string {
	return "navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(\n" +
		string(k.Request) + "\n)}).then(answer => copy(JSON.stringify(answer)))"
}

// twinCodeChat is how a program gets the code in the style of CodeChat.
func (p InstancePanel) twinCodeChat() string {
	return "curl '" + p.BaseURL + "/api/v2" + instancePath(p.Instance.ID) + "/connect' \\\n  -H \"Authorization: Bearer $INSTANCE_TOKEN\""
}

// twinInSPRL is how a program gets it in the style of InSPRL.
func (p InstancePanel) twinInSPRL() string {
	return "curl '" + p.BaseURL + "/api/whatsapp/instance/qr' \\\n  -H \"Authorization: $CLIENT_KEY\" \\\n" +
		"  -d client_id=\"$CLIENT_ID\" -d instance_id='" + p.Instance.ID + "'"
}
