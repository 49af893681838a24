package awqmarlin

// #include <awq_marlin.h>
import "C"

import "sync"

// Plan is the kernel that the library would run for a layer and a number of rows.
type Plan struct {
	*handle[C.awqm_plan]
	k, n int64
}

func (l *Linear) newPlan(create func(linear *C.awqm_linear, out **C.awqm_plan) C.awqm_status) (*Plan, error) {
	var plan *Plan
	err := l.with(func(linear *C.awqm_linear) error {
		var ptr *C.awqm_plan
		if err := call(func() C.awqm_status { return create(linear, &ptr) }); err != nil {
			return err
		}
		shared := l.pool.retain()
		free := func(ptr *C.awqm_plan) {
			C.awqm_plan_free(ptr)
			shared.release()
		}
		plan = &Plan{newHandle(ptr, free), l.k, l.n}
		return nil
	})
	return plan, err
}

// Plan chooses the kernel for options.M rows, or takes the one that the options force.
func (l *Linear) Plan(options PlanOptions) (*Plan, error) {
	return l.newPlan(func(linear *C.awqm_linear, out **C.awqm_plan) C.awqm_status {
		return C.awqm_plan_create(linear, (*C.awqm_plan_options)(sized(&options)), out)
	})
}

// ImportPlan takes the plan of a text that Plan.Export wrote, here or elsewhere.
func (l *Linear) ImportPlan(text string) (*Plan, error) {
	c, free := cstring(text)
	defer free()
	return l.newPlan(func(linear *C.awqm_linear, out **C.awqm_plan) C.awqm_status {
		return C.awqm_plan_import(linear, c, out)
	})
}

// Info is the plan in numbers.
func (p *Plan) Info() (PlanInfo, error) {
	var info PlanInfo
	err := p.call(func(ptr *C.awqm_plan) C.awqm_status {
		return C.awqm_plan_get_info(ptr, (*C.awqm_plan_info)(sized(&info)))
	})
	return info, err
}

// Reason says why the plan is what it is.
func (p *Plan) Reason() (string, error) {
	return p.fill(func(ptr *C.awqm_plan, buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
		return C.awqm_plan_get_reason(ptr, buf, capacity, length)
	})
}

// Export is the plan as JSON text of one line.
func (p *Plan) Export() (string, error) {
	return p.fill(func(ptr *C.awqm_plan, buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
		return C.awqm_plan_export(ptr, buf, capacity, length)
	})
}

func (p *Plan) shape() (k, n int64) { return p.k, p.n }

func (p *Plan) borrow() (*C.awqm_linear, *C.awqm_plan, *sync.RWMutex, error) {
	ptr, err := p.handle.borrow()
	return nil, ptr, &p.mu, err
}
