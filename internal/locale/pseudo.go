package locale

import (
	"strings"

	"golang.org/x/text/language"
)

// PseudoTag names the pseudo-locale. Nobody can choose it.
const PseudoTag = "en-XA"

// Pseudo gives a Printer whose texts are those of the fallback language with
// accents, 40 % longer and in brackets. What is seen without accents was not
// translated; what is cut off would be in a longer language; a bracket in the
// middle of a sentence is a text that was put together from pieces.
func Pseudo() (*Printer, error) {
	p, err := New(Fallback)
	if err != nil {
		return nil, err
	}
	texts := make(map[string]string, len(p.texts))
	for key, text := range p.texts {
		texts[key] = pseudo(text)
	}
	return &Printer{tag: language.Make(PseudoTag), texts: texts, fallback: texts}, nil
}

// pseudo accents a text but for its placeholders.
func pseudo(text string) string {
	accents := strings.NewReplacer("a", "á", "e", "é", "i", "í", "o", "ö", "u", "ü", "n", "ñ", "c", "ç", "A", "Á", "E", "É",
		"O", "Ö", "U", "Ü", "S", "Š", "C", "Ç", "N", "Ñ")
	var b strings.Builder
	b.WriteByte('[')
	rest, letters := text, 0
	for rest != "" {
		plain, after, found := strings.Cut(rest, "{")
		b.WriteString(accents.Replace(plain))
		letters += len(plain)
		if !found {
			break
		}
		name, tail, _ := strings.Cut(after, "}")
		b.WriteString("{" + name + "}")
		rest = tail
	}
	for range (letters*2/5 + 4) / 5 {
		b.WriteString(" ōōōō")
	}
	b.WriteByte(']')
	return b.String()
}
