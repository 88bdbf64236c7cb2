package app

import (
	"context"
	"fmt"
	"os"
	"time"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/live"
	"pombal/internal/qrcode"
	"pombal/internal/wastore"
	"pombal/internal/whatsapp"
)

// openEngine opens the WhatsApp engine with its keys in the data file.
func (p *product) openEngine(context.Context) error {
	keys, err := wastore.New(p.db, wastore.Options{Log: p.log})
	if err != nil {
		return err
	}
	p.keys = keys
	p.open.add(keys.Close)
	endpoint, err := p.endpoint()
	if err != nil {
		return err
	}
	p.engine, err = whatsapp.NewEngine(whatsapp.Config{
		Devices: keys, Unknown: wastore.ErrNoDevice, Versions: p.db, Endpoint: endpoint, Log: p.log, Now: time.Now,
	})
	if err != nil {
		return err
	}
	p.open.add(inBackground(p.engine.KeepVersions))
	return nil
}

// endpoint is where WhatsApp is: a stand-in where the settings or the demo say
// so, otherwise WhatsApp itself, which is none.
func (p *product) endpoint() (*whatsapp.Endpoint, error) {
	address, ca, root := p.cfg.WhatsAppURL, []byte(nil), p.cfg.WhatsAppRootKey
	switch {
	case p.demo != nil:
		address, ca, root = p.demo.Network.URL(), p.demo.Network.CAPEM(), p.demo.Network.RootKey()
	case address == "":
		return nil, nil
	default:
		var err error
		if ca, err = os.ReadFile(p.cfg.WhatsAppCA); err != nil {
			return nil, NewMistake(fmt.Errorf("read --whatsapp-ca: %w", err))
		}
	}
	endpoint, err := whatsapp.NewEndpoint(address, ca, root)
	if err != nil {
		return nil, NewMistake(err)
	}
	return endpoint, nil
}

// makeInstances makes the manager of the instances. What they record goes to
// the data file, and from there to webhooks and pages.
func (p *product) makeInstances(context.Context) error {
	recorder := event.NewRecorder(p.db, func([]event.Event) {
		p.dispatcher.Wake()
		p.hub.Publish(live.SignalLog)
	})
	p.instances = instance.NewManager(instance.Deps{
		Store: p.db, Engine: p.engine, Recorder: recorder, Notify: p.hub.Publish, Picture: qrcode.DataURL,
		Log: p.log, Now: time.Now, Timing: p.timing(), Storage: p.db.Ready,
	})
	p.db.OnHealed(p.instances.Renew)
	return nil
}

// timing is the clock of instances: WhatsApp's own, but for the QR codes and the
// pace of a stand-in where the settings say so.
func (p *product) timing() instance.Timing {
	t := instance.DefaultTiming()
	if life := p.cfg.WhatsAppCodeTime; life > 0 {
		t.QRFirst, t.QRNext = life, life
	}
	if rate := p.cfg.WhatsAppRate; rate > 0 {
		every := time.Second / time.Duration(rate)
		t.StartEvery, t.DialEvery, t.UrgentEvery = every, every, every
	}
	return t
}
