package instancetest

import (
	"context"

	wmstore "go.mau.fi/whatsmeow/store"

	"pombal/internal/wastore"
)

// slowKeys is a container whose first write of a device's keys a test can hold
// up.
type slowKeys struct {
	*wastore.Container
	storing func() // nil: not held up
}

// NewDevice makes fresh keys, see wastore.Container.
func (k slowKeys) NewDevice() *wmstore.Device {
	device := k.Container.NewDevice()
	if k.storing != nil {
		device.Container = k
	}
	return device
}

// PutDevice stores the keys of a device that is being linked. From then on the
// device knows its real container.
func (k slowKeys) PutDevice(ctx context.Context, device *wmstore.Device) error {
	k.storing()
	return k.Container.PutDevice(ctx, device)
}
