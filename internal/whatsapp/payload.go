package whatsapp

import (
	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/proto/waWa6"
	wmstore "go.mau.fi/whatsmeow/store"
	"google.golang.org/protobuf/proto"
)

// fullHistoryPayload is what a device says of itself when it is linked, asking
// the phone for all of the past. The library keeps this wish in a variable of
// the process; here it is one device's.
func fullHistoryPayload(device *wmstore.Device) *waWa6.ClientPayload {
	payload := device.GetClientPayload()
	pairing := payload.GetDevicePairingData()
	if pairing == nil {
		return payload // linked already
	}
	changeProps(pairing, func(props *waCompanionReg.DeviceProps) { props.RequireFullSync = proto.Bool(true) })
	return payload
}
