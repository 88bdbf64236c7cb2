package instance

import (
	"context"
	"time"

	"pombal/internal/event"
)

// Store keeps instances. Every method that changes something is one commit
// together with the events it returns, and durable when it returns.
type Store interface {
	// Business finds a tenant; ErrNoBusiness when there is none.
	Business(ctx context.Context, id string) (Business, error)
	// Businesses lists the tenants, oldest first.
	Businesses(ctx context.Context) ([]Business, error)
	// CreateBusiness stores a new tenant.
	CreateBusiness(ctx context.Context, b Business) error
	// UpdateBusiness loads a tenant, lets change alter it and stores it;
	// ErrNoBusiness, or the error of change as it is.
	UpdateBusiness(ctx context.Context, id string, change func(*Business) error) (Business, error)
	// DeleteBusiness removes a tenant that has no living instance;
	// ErrNoBusiness, ErrBusinessInUse.
	DeleteBusiness(ctx context.Context, id string) error
	// Instance finds a living instance; ErrNotFound when there is none.
	Instance(ctx context.Context, id string) (Instance, error)
	// Instances lists the living instances, oldest first.
	Instances(ctx context.Context) ([]Instance, error)
	// CreateInstance stores a new instance; ErrNameTaken or ErrIDTaken.
	CreateInstance(ctx context.Context, in Instance, drafts ...event.Draft) ([]event.Event, error)
	// UpdateInstance loads the living instance, lets change alter it and name
	// the events of the change, and stores all in one commit. The events show
	// the instance as it is after the change. An error of change is returned
	// as it is and nothing is stored. A change that sets DeletedAt deletes:
	// the name becomes free and the instance is no longer found. ErrNotFound,
	// ErrNameTaken.
	UpdateInstance(ctx context.Context, id string, change func(*Instance) ([]event.Draft, error)) (Instance, []event.Event, error)
	// AppendTimeline adds moments of any instances, in one commit. The newest
	// 2000 or so of each instance are kept.
	AppendTimeline(ctx context.Context, moments []Moment) error
	// Timeline lists the newest moments of an instance first: those since a
	// time and the one before them, at most limit; 0 means no limit.
	Timeline(ctx context.Context, id string, since time.Time, limit int) ([]Moment, error)
	// DeleteTimeline removes the moments of an instance.
	DeleteTimeline(ctx context.Context, id string) error
}
