package whatsapp

import (
	"cmp"
	"context"
	"strings"

	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"google.golang.org/protobuf/proto"

	"pombal/internal/instance"
)

// defaultName is what phones call our links in their list of linked devices.
// Those that are made by a typed code are called displayName by WhatsApp.
const defaultName = "Pombal"

// NameDevice chooses what phones call the devices that are linked from now on,
// and keeps that over a restart; an empty text goes back to "Pombal".
// problem.Invalid names the field "name". Links that exist keep their name.
func (e *Engine) NameDevice(_ context.Context, text string) (instance.VersionInfo, error) {
	if strings.TrimSpace(text) != "" {
		var err error
		if text, err = instance.CleanName(text); err != nil {
			return e.Versions(), err
		}
	} else {
		text = ""
	}
	v := e.versions
	v.mu.Lock()
	before := v.state.Name
	v.state.Name = text
	v.mu.Unlock()
	if err := v.store(); err != nil {
		v.mu.Lock()
		v.state.Name = before
		v.mu.Unlock()
		return e.Versions(), err
	}
	return e.Versions(), nil
}

// name is what phones call new links. mu must be held.
func (v *versions) name() string { return cmp.Or(v.state.Name, defaultName) }

// sign writes the name into what a device says of itself when it is linked. The
// library keeps the name in a variable of the process, which must not change
// while it is read.
func (v *versions) sign(p *waWa6.ClientPayload) {
	pairing := p.GetDevicePairingData()
	if pairing == nil {
		return // linked already
	}
	v.mu.Lock()
	name := v.name()
	v.mu.Unlock()
	changeProps(pairing, func(props *waCompanionReg.DeviceProps) { props.Os = proto.String(name) })
}

// changeProps changes what a device says of itself. It leaves what cannot be
// read as it is.
func changeProps(pairing *waWa6.ClientPayload_DevicePairingRegistrationData, change func(*waCompanionReg.DeviceProps)) {
	var props waCompanionReg.DeviceProps
	if err := proto.Unmarshal(pairing.GetDeviceProps(), &props); err != nil {
		return
	}
	change(&props)
	if raw, err := proto.Marshal(&props); err == nil {
		pairing.DeviceProps = raw
	}
}
